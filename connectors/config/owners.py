"""`owners` of a system: which agency has it, from one day to another."""

from datetime import date
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from connectors.config.checked import Table
from connectors.config.problems import Place, Problem
from connectors.registry import OwnerAgency


class OwnerTable(Table):
    """An agency, from one day to another."""

    code: Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,35}$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    valid_from: date
    valid_to: date | None = None


def owner_contradictions(owners: tuple[OwnerTable, ...], place: Place) -> list[Problem]:
    """Periods that end before they begin, or in which a system would have two owners."""
    found = [
        place.at(number, "valid_to").problem("a day after valid_from")
        for number, owner in enumerate(owners)
        if owner.valid_to is not None and owner.valid_to <= owner.valid_from
    ]
    in_order = sorted(owners, key=lambda owner: owner.valid_from)
    if any(
        earlier.valid_to is None or earlier.valid_to > later.valid_from
        for earlier, later in pairwise(in_order)
    ):
        found.append(place.problem("periods that do not overlap"))
    return found


def owners_of(tables: tuple[OwnerTable, ...]) -> tuple[OwnerAgency, ...]:
    """The owners of tables that have no contradictions."""
    return tuple(OwnerAgency(**table.model_dump()) for table in tables)
