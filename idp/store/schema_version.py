"""Which schema this release works on, told without the tools that migrate."""

from keys.sql import Database

LATEST = "0011"
"""The newest migration; a test holds it to the folder `migrations`."""


async def is_current(database: Database) -> bool:
    """Whether nothing is to be migrated.

    Why: the migration tools take a second and 40 MB to load, and most starts do not need them.
    Any doubt, an empty database too, is a no: migrating is safe to repeat and tells what is wrong.
    """
    try:
        row = await database.one("SELECT version_num FROM alembic_version")
    except Exception:
        return False
    return row is not None and row["version_num"] == LATEST
