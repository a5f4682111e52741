"""The `cas` table of a system, and what no two systems may share."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from connectors.config.checked import Entry, Table
from connectors.config.problems import Place, Problem
from connectors.config.tables import WebAddress
from connectors.contract import SystemId
from connectors.registry import CasSettings, System
from connectors.systems.cas.service import overlapping, plainly_written


def _service(address: str) -> str:
    if not plainly_written(address):
        raise ValueError("an address with a path, in lower case, that can be read in one way only")
    return address


def _callback(address: str) -> str:
    if not address.startswith("https://") or "?" in address:
        raise ValueError("an https address without a query")
    return address


class CasTable(Table):
    """Which addresses may ask for tickets, and who may act for a person there."""

    services: Annotated[
        tuple[Annotated[WebAddress, AfterValidator(_service)], ...], Field(min_length=1)
    ]
    proxy_callbacks: tuple[Annotated[WebAddress, AfterValidator(_callback)], ...] = ()
    proxied_by: tuple[str, ...] = ()
    logout: bool = True


def cas_settings(table: CasTable | None) -> CasSettings | None:
    """The table as the rest of the house knows it."""
    if table is None:
        return None
    return CasSettings(
        services=table.services,
        proxy_callbacks=table.proxy_callbacks,
        proxied_by=tuple(SystemId(name) for name in table.proxied_by),
        logout=table.logout,
    )


def between_systems(
    systems: Mapping[SystemId, System], entries: Mapping[str, Entry]
) -> list[Problem]:
    """What is right in each system, and not beside the others."""
    found = [
        entries[second].place.at("cas", "services").problem(f"no address that {first} has as well")
        for first, second in overlapping(systems.values())
    ]
    holders: dict[str, SystemId] = {}
    for place, system_id, cas in _tables(systems, entries):
        if any(holders.setdefault(own, system_id) != system_id for own in cas.proxy_callbacks):
            found.append(place.at("proxy_callbacks").problem("no address of another system"))
        if not set(cas.proxied_by) <= set(entries):
            found.append(place.at("proxied_by").problem("ids of declared systems"))
    return found


def _tables(
    systems: Mapping[SystemId, System], entries: Mapping[str, Entry]
) -> Iterator[tuple[Place, SystemId, CasSettings]]:
    for name, system in systems.items():
        if system.cas is not None:
            yield entries[name].place.at("cas"), name, system.cas
