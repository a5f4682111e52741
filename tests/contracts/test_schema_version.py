"""A start need not load the migration tools where there is nothing to migrate."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from idp.store.schema_version import LATEST, is_current
from idp.store.sql_migrate import MIGRATIONS
from keys.sql import Database


def test_the_latest_version_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == LATEST


async def test_a_migrated_database_is_current_and_any_other_is_not(database: Database) -> None:
    assert await is_current(database)
    await database.change("UPDATE alembic_version SET version_num = '0000'")
    assert not await is_current(database)
    await database.change("DELETE FROM alembic_version")
    assert not await is_current(database)
