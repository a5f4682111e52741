"""The migrations arrive exactly at the schema that the code knows."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from idp.store.sql_migrate import _engine, migrate
from idp.store.sql_schema import metadata


def test_migrations_and_metadata_agree(database_url: str) -> None:
    migrate(database_url)
    engine = _engine(database_url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []
