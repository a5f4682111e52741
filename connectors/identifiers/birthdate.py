"""Dates of birth as registers write them: a whole day, a month, or only the year."""

import re
from datetime import date

from connectors.contract import Birthdate

_DAY_FIRST = re.compile(r"(\d{2})[/.-](\d{2})[/.-](\d{4})", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)
_YEAR = re.compile(r"(\d{4})(?:-?00-?00)?", re.ASCII)
_MONTHS = (
    re.compile(r"(?:00[/.-])?(?P<month>\d{2})[/.-](?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})(?:-00)?", re.ASCII),
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})00", re.ASCII),
)
_FIRST_YEAR, _LAST_YEAR = 1880, 2200


def read_birthdate(text: str) -> Birthdate | None:
    """The date as far as it is known; None for a text that is none, or a day that never was.

    Shape: `yyyymmdd`, `yyyy-mm-dd`, `dd/mm/yyyy`; `yyyy-mm`, `mm/yyyy`, `yyyymm00` where the day is
    not known; `yyyy`, `yyyy0000` where only the year is known.
    """
    if (only_year := _YEAR.fullmatch(text)) is not None:
        year = only_year[1]
        return Birthdate(value=year) if _FIRST_YEAR <= int(year) <= _LAST_YEAR else None
    if (without_day := _month(text)) is not None:
        return without_day
    if (found := _YEAR_FIRST.fullmatch(text)) is not None:
        year, month, day = found.groups()
    elif (found := _DAY_FIRST.fullmatch(text)) is not None:
        day, month, year = found.groups()
    else:
        return None
    try:
        known = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return Birthdate(value=known.isoformat()) if known.year >= _FIRST_YEAR else None


def _month(text: str) -> Birthdate | None:
    for shape in _MONTHS:
        if (found := shape.fullmatch(text)) is not None:
            year, month = found["year"], found["month"]
            fits = _FIRST_YEAR <= int(year) <= _LAST_YEAR and "01" <= month <= "12"
            return Birthdate(value=f"{year}-{month}") if fits else None
    return None
