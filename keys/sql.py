"""The few SQL verbs that every store in the house is written in.

Stores hold their statements once, in the SQL that SQLite and PostgreSQL share:
`$1`-style parameters, `ON CONFLICT`, `RETURNING`, integers for times and truth,
text for JSON. Two adapters (`idp/store/sqlite.py`, `idp/store/postgres.py`) run them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Value = str | int | float | bytes | None


class Row(Protocol):
    """One row, by the name of a column or by its place; iteration gives the values in order."""

    def __getitem__(self, key: str, /) -> Value:
        """The value of a column."""
        ...

    def __iter__(self) -> Iterator[Value]:
        """The values, in the order of the SELECT."""
        ...

    def keys(self) -> Iterable[str]:
        """The names of the columns."""
        ...


class StoreUnavailableError(Exception):
    """The database did not answer in time; nothing may be taken as done."""


class Statements(Protocol):
    """Runs single statements; inside a transaction or each in its own."""

    async def one(self, sql: str, *values: Value) -> Row | None:
        """The first row, or None."""
        ...

    async def rows(self, sql: str, *values: Value) -> Sequence[Row]:
        """All rows."""
        ...

    async def change(self, sql: str, *values: Value) -> int:
        """Run a write and return how many rows it changed (never how many it matched)."""
        ...


class Database(Statements, Protocol):
    """A durable SQL database."""

    def transaction(self) -> AbstractAsyncContextManager[Statements]:
        """All statements in the block commit together, or none does."""
        ...

    async def close(self) -> None:
        """Give all connections back."""
        ...
