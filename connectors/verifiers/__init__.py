"""Checking the one proof that an old system can check: an account's own password."""
