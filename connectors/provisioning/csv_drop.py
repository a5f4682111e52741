"""A CSV drop: one file for each message, for a system that reads a folder."""

import asyncio
import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from connectors.provisioning.messages import Later, Outcome, Parcel, Settled
from connectors.provisioning.rest import filled, template_values
from connectors.registry import CsvPush

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARK = "\ufeff"
"""Spreadsheets read a file as UTF-8 only where it begins with this."""


class CsvDrop:
    """See `Deliverer`. A file appears whole or not at all, and a second send replaces its twin.

    Shape: `000000000042-account_created.csv`, UTF-8 with a byte order mark, a heading, one row.
    """

    batch = 1

    def __init__(self, push: CsvPush) -> None:
        self._push = push

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """See `Deliverer.deliver`."""
        parcel = parcels[0]
        message = parcel.message
        name = f"{message.number:012d}-{message.kind}.csv"
        values = filled(self._push.columns, template_values(parcel))
        try:
            await asyncio.to_thread(
                _drop, Path(self._push.folder), name, _row(tuple(self._push.columns), values)
            )
        except OSError as fault:
            return [Later(type(fault).__name__)]
        return [Settled()]


def _row(columns: Sequence[str], values: Mapping[str, object]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerow([_cell(values.get(column, "")) for column in columns])
    return _MARK + text.getvalue()


def _cell(value: object) -> str:
    """A value that no spreadsheet takes for a formula.

    Spec: OWASP ASVS 5.0 1.2.10
    """
    if isinstance(value, bool):
        return "1" if value else "0"
    text = str(value.get("formatted", "")) if isinstance(value, dict) else str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def _drop(folder: Path, name: str, text: str) -> None:
    """Write beside, make durable, then give the name: nobody reads half a file."""
    unfinished = folder / f".{name}.unfinished"
    with open(unfinished, "w", encoding="utf-8", newline="", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / name)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
