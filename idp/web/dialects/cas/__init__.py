"""The CAS dialect: what browsers ask (`door.py`), and what services ask (`endpoints.py`)."""
