"""Alembic migrations, found through the package, so that an installed product can migrate."""
