"""The wiring, below `idp/app.py`: parts made once, doors, pages, endpoints. No rule lives here."""
