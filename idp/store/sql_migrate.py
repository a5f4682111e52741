"""Bringing a database to this release's schema: all of it, or nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, event, text

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_215_604_331


def migrate(url: str) -> None:
    """Apply what is missing, in one transaction; safe to run again, and on two nodes at once.

    Why: PostgreSQL and SQLite both roll schema changes back, so a killed migration leaves the
    old schema, and the next run starts from there.
    """
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            command.upgrade(_config(connection), "head")
    finally:
        engine.dispose()


def _config(connection: "Connection") -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> "Engine":
    if url.startswith("sqlite:"):
        engine = create_engine(url)
        event.listen(engine, "connect", lambda raw, _record: _leave_transactions_to_us(raw))
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    return create_engine(url.replace("postgresql://", "postgresql+pg8000://", 1))


def _leave_transactions_to_us(raw: object) -> None:
    raw.isolation_level = None  # type: ignore[attr-defined]  # the driver would commit before DDL
