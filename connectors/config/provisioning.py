"""`provisioning` of a system: what it is told, and by which way; all checked at the start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from connectors.config.checked import Entry, Table
from connectors.config.problems import Place, Problem
from connectors.config.tables import FilePath, SecretTable, WebAddress
from connectors.contract import AccountKind
from connectors.mapping import ClaimRule, Source
from connectors.provisioning.messages import CREATING, Mode
from connectors.provisioning.rest import ACCOUNT, ACTIVE, KIND
from connectors.provisioning.scim_shapes import NO_PLACE, PLACES
from connectors.registry import (
    CsvPush,
    EventsPoll,
    EventsPush,
    Push,
    RestPush,
    ScimPush,
    WebhookPush,
)

Way = Literal["scim", "rest", "csv", "events", "poll", "webhook"]
RECORDS: frozenset[Way] = frozenset({"scim", "rest", "csv"})
_WAYS: Mapping[Mode, frozenset[Way]] = {
    Mode.MATCH_ONLY: frozenset(),
    Mode.JUST_IN_TIME: RECORDS,
    Mode.PRE_PROVISION: RECORDS,
    Mode.DISABLE: RECORDS | {"events", "poll", "webhook"},
    Mode.NOTIFY: frozenset({"events", "poll", "webhook"}),
}
_NEEDED: Mapping[Way | None, frozenset[str]] = {
    None: frozenset(),
    "scim": frozenset({"url", "token"}),
    "rest": frozenset({"url", "token", "fields"}),
    "csv": frozenset({"folder", "fields"}),
    "events": frozenset({"url", "audience"}),
    "poll": frozenset({"client", "audience"}),
    "webhook": frozenset({"url", "secrets"}),
}
_ALLOWED: Mapping[Way | None, frozenset[str]] = {
    "scim": frozenset({"bulk", "extension"}),
    "rest": frozenset({"method"}),
    "events": frozenset({"token"}),
}


class ProvisioningTable(Table):
    """`provisioning`: a mode alone, or a table with a mode and a way."""

    mode: Mode
    eligible: Annotated[tuple[AccountKind, ...] | None, Field(min_length=1)] = None
    """Whose accounts are opened before they come."""
    deliver: Way | None = None
    url: WebAddress | None = None
    token: SecretTable | None = None
    secrets: Annotated[tuple[SecretTable, ...] | None, Field(min_length=1, max_length=2)] = None
    audience: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    client: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    """As which client of ours the system fetches its events."""
    method: Literal["POST", "PUT"] | None = None
    fields: Annotated[dict[str, str] | None, Field(min_length=1, max_length=100)] = None
    folder: FilePath | None = None
    bulk: bool | None = None
    extension: Annotated[str | None, Field(pattern=r"^urn:[A-Za-z0-9:._-]{3,200}$")] = None


def with_its_mode(entry: Entry) -> Entry:
    """The table of a system, a mode alone written out.

    Why before all checks: pydantic is strict in another way about what one of its own validators
    has made than about JSON.
    """
    table = entry.table
    if not isinstance(table, dict) or not isinstance(table.get("provisioning"), str):
        return entry
    return Entry(entry.place, table | {"provisioning": {"mode": table["provisioning"]}})


def mode_of(table: ProvisioningTable | None, *, creates: bool) -> Mode:
    """The mode that is declared, or the one that follows from `when_unlinked`."""
    if table is not None:
        return table.mode
    return Mode.JUST_IN_TIME if creates else Mode.MATCH_ONLY


def provisioning_contradictions(
    table: ProvisioningTable, place: Place, claims: tuple[ClaimRule, ...] | None, *, creates: bool
) -> list[Problem]:
    """Keys that are right by themselves, and not together."""
    found: list[Problem] = []
    made_or_never = table.mode in CREATING or table.mode is Mode.MATCH_ONLY
    if made_or_never and (table.mode in CREATING) != creates:
        wanted = (
            "just-in-time or pre-provision only where when_unlinked is create,"
            " match-only nowhere there"
        )
        found.append(place.problem(wanted))
    ways = _WAYS[table.mode]
    missing = table.deliver is None and table.mode not in (Mode.MATCH_ONLY, Mode.JUST_IN_TIME)
    if missing or (table.deliver is not None and table.deliver not in ways):
        wanted = " or ".join(sorted(ways)) if ways else "no way, where nothing is told"
        found.append(place.at("deliver").problem(wanted))
    if (table.mode is Mode.PRE_PROVISION) != (table.eligible is not None):
        wanted = "kinds of account exactly where the mode is pre-provision"
        found.append(place.at("eligible").problem(wanted))
    found += _keys(table, place)
    if table.deliver in RECORDS:
        found += _records(table, place, claims)
    return found


def _keys(table: ProvisioningTable, place: Place) -> list[Problem]:
    needed = _NEEDED[table.deliver]
    allowed = needed | _ALLOWED.get(table.deliver, frozenset())
    given = table.model_fields_set - {"mode", "deliver", "eligible"}
    way = table.deliver or "none"
    return [
        place.at(key).problem(f"a value, where the way is {way}") for key in sorted(needed - given)
    ] + [
        place.at(key).problem(f"no such key, where the way is {way}")
        for key in sorted(given - allowed)
    ]


def _records(
    table: ProvisioningTable, place: Place, claims: tuple[ClaimRule, ...] | None
) -> list[Problem]:
    """What a record may hold is named one by one, and has a place in it."""
    if claims is None:
        wanted = "the claims of the system, one by one, since its records hold them"
        return [place.at("deliver").problem(wanted)]
    found: list[Problem] = []
    names = {rule.claim for rule in claims}
    if any(rule.source is Source.ACR for rule in claims):
        found.append(place.at("deliver").problem("no claim from acr: a record is no sign-in"))
    if table.deliver == "scim" and table.extension is None and names - PLACES - NO_PLACE:
        wanted = "a URN for the claims that a SCIM user has no place for"
        found.append(place.at("extension").problem(wanted))
    if table.deliver == "rest":
        found += _rest(table, place)
    for key, claim in (table.fields or {}).items():
        if claim not in names | {ACCOUNT, ACTIVE, KIND}:
            wanted = "a claim of the system, account, active or kind"
            found.append(place.at("fields", key).problem(wanted))
    if table.folder is not None and not _writable(table.folder):
        found.append(place.at("folder").problem("a folder that can be written"))
    return found


def _rest(table: ProvisioningTable, place: Place) -> list[Problem]:
    """The account goes in the body alone.

    Why: an address is logged on the way, and many an old system names accounts by the personal
    number; nobody could tell here whether a name is an opaque one.
    """
    found: list[Problem] = []
    if any(mark in (table.url or "") for mark in ("{", "}", "%7B", "%7b")):
        found.append(place.at("url").problem("a fixed address: nothing of a person stands in one"))
    if ACCOUNT not in (table.fields or {}).values():
        found.append(place.at("fields").problem("a member of the body that holds account"))
    return found


def _writable(folder: str) -> bool:
    return Path(folder).is_dir() and os.access(folder, os.W_OK)


def push_of(table: ProvisioningTable | None) -> Push | None:
    """The way of a table that has no contradictions."""
    if table is None:
        return None
    url, fields = table.url or "", table.fields or {}
    token = table.token.secret if table.token is not None else None
    match table.deliver:
        case None:
            return None
        case "scim":
            return ScimPush(
                url=url, token=token or "", bulk=bool(table.bulk), extension=table.extension
            )
        case "rest":
            return RestPush(url=url, token=token or "", method=table.method or "POST", body=fields)
        case "csv":
            return CsvPush(folder=table.folder or "", columns=fields)
        case "events":
            return EventsPush(url=url, audience=table.audience or "", token=token)
        case "poll":
            return EventsPoll(client=table.client or "", audience=table.audience or "")
        case "webhook":
            return WebhookPush(url=url, secrets=tuple(s.secret for s in table.secrets or ()))
