"""The adapters of the ports: SQL written once for SQLite and PostgreSQL, memory and Redis."""
