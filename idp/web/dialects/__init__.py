"""The doors of the dialects: one file, or one folder, for each. See `idp/web/doors.py`."""
