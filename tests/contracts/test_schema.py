"""The migrations arrive exactly at the schema that the code knows, as the databases see it."""

from typing import Any

import pytest
from alembic import command
from sqlalchemy import CheckConstraint, Column, Index, MetaData, Text, text
from sqlalchemy.engine import Connection

from idp.store.sql_migrate import _config, _engine, migrate
from idp.store.sql_schema import metadata

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass
"""
INDEXES = """
SELECT tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name <> 'alembic_version'"


def catalogue(connection: Connection) -> set[tuple[Any, ...]]:
    """Every column, constraint and index, as the database itself describes them."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.execute(text(sql))]

    if connection.dialect.name == "postgresql":
        return {row for sql in (COLUMNS, CONSTRAINTS, INDEXES) for row in rows(sql)}
    found: set[tuple[Any, ...]] = set()
    for table, created in rows(TABLES):
        found.add((table, "checks", created.count("CHECK")))
        found |= {(table, *row[1:]) for row in rows(f"PRAGMA table_info({table})")}
        found |= {(table, *row[2:]) for row in rows(f"PRAGMA foreign_key_list({table})")}
        for _, name, *kind in rows(f"PRAGMA index_list({table})"):
            members = tuple(row[2] for row in rows(f"PRAGMA index_info({name})"))
            sql = rows(f"SELECT sql FROM sqlite_master WHERE name = '{name}'")[0][0]
            written = " ".join(sql.split()) if sql else None
            found.add((table, *kind, members, written))
    return found


def schemas(database_url: str, known: MetaData) -> tuple[set[Any], set[Any]]:
    """What the migrations make; and, after they were all taken back, what the metadata makes."""
    migrate(database_url)
    engine = _engine(database_url)
    with engine.begin() as connection:
        migrated = catalogue(connection)
        command.downgrade(_config(connection), "base")
        assert catalogue(connection) == set(), "a migration that is taken back leaves nothing"
        known.create_all(connection)
        wanted = catalogue(connection)
    engine.dispose()
    return migrated, wanted


def test_migrations_and_metadata_agree(database_url: str) -> None:
    migrated, wanted = schemas(database_url, metadata)
    assert len(migrated) > 100
    assert migrated == wanted


def forgotten_column(known: MetaData) -> None:
    known.tables["subject"].append_column(Column("forgotten", Text))


def forgotten_index(known: MetaData) -> None:
    Index("forgotten", known.tables["notice"].c.created_at)


def forgotten_rule(known: MetaData) -> None:
    known.tables["link"].append_constraint(CheckConstraint("version > 0", name="forgotten"))


def other_condition(known: MetaData) -> None:
    (index,) = [i for i in known.tables["link"].indexes if i.name == "link_one_holder"]
    for dialect in ("sqlite", "postgresql"):
        index.dialect_options[dialect]["where"] = text("state = 'active'")


def other_default(known: MetaData) -> None:
    known.tables["notice"].c.attempts.server_default.arg = "1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [forgotten_column, forgotten_index, forgotten_rule, other_condition, other_default],
)
def test_metadata_that_changes_without_a_migration_is_noticed(
    database_url: str, change: Any
) -> None:
    known = MetaData()
    for table in metadata.tables.values():
        table.to_metadata(known)
    change(known)
    migrated, wanted = schemas(database_url, known)
    assert migrated != wanted


def test_what_took_part_before_names_were_known_still_takes_part(database_url: str) -> None:
    """0003: rows of before get the empty name, and lose nothing but second names on the way back."""
    engine = _engine(database_url)
    rows = "SELECT sid, participant, subject_id, sub, joined_at FROM participation"
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0002")
        connection.execute(text("INSERT INTO participation VALUES ('s', 'p', 'u', 'sub', 7)"))
        connection.execute(
            text(
                "INSERT INTO notice (id, participant, sub, sid, created_at, due_at)"
                " VALUES ('n', 'p', 'sub', 's', 7, 7)"
            )
        )
        command.upgrade(_config(connection), "0003")
        assert connection.execute(text(f"{rows} WHERE known_as = ''")).fetchall() == [
            ("s", "p", "u", "sub", 7)
        ]
        connection.execute(
            text("INSERT INTO participation VALUES ('s', 'p', 'u', 'sub', 8, 'ST-1 https://a/')")
        )
        command.downgrade(_config(connection), "0002")
        assert connection.execute(text(rows)).fetchall() == [("s", "p", "u", "sub", 7)]
        assert connection.execute(text("SELECT id FROM notice")).fetchall() == [("n",)]
    engine.dispose()
