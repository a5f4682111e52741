"""Newer metadata counts by its signature, for the same provider, and never backwards."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connectors.contract import SystemId
from connectors.registry import MetadataSource, System
from connectors.systems.saml.metadata import read_sp_metadata
from connectors.systems.saml.providers import ServiceProviders
from idp.config_egress import refusal_of
from idp.egress.client import outgoing_client
from idp.egress.documents import Documents
from idp.egress.rules import EVERYTHING_HERE, EgressRules
from idp.flows.saml_metadata import LATEST, SOONEST, MetadataRenewal, due_at
from idp.store.saml_metadata import SqlSamlMetadata
from idp.store.sql_migrate import migrate
from idp.store.sqlite import SqliteDatabase
from keys.sql import Database
from tests.fixtures_world import Clock
from tests.saml.messages import OTHER_KEY, SP_KEY
from tests.saml.published import FEDERATION, Publisher, published, publishing
from tests.saml.systems import school_of

SCHOOL = SystemId("school")
DAY = 86400
CLOCK = Clock()
NOW = int(CLOCK.now)


@dataclass
class Record:
    """What was audited."""

    events: list[tuple[str, Mapping[str, str | int]]] = field(default_factory=list)

    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        self.events.append((event, fields))


class Node:
    """One node over the shared database."""

    def __init__(
        self, database: Database, clock: Clock, system: System, rules: EgressRules = EVERYTHING_HERE
    ) -> None:
        self.kept = SqlSamlMetadata(database)
        self.audit = Record()
        self.providers = ServiceProviders({SCHOOL: system})
        self.http = outgoing_client(None, rules)
        self.renewal = MetadataRenewal(
            providers=self.providers,
            kept=self.kept,
            documents=Documents(self.http),
            reachable=lambda address: refusal_of(address, rules) is None,
            audit=self.audit,
            clock=clock,
            entropy=os.urandom,
        )

    @property
    def keys(self) -> tuple[bytes, ...]:
        settings = self.providers.of(SCHOOL)
        assert settings is not None
        return settings.certificates

    async def failure(self) -> str | None:
        (row,) = await self.kept.all()
        return row.failure


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with publishing() as made:
        yield made


@pytest.fixture
def first(publisher: Publisher) -> System:
    """As the file declares it: until a week from now, with the first key."""
    settings = read_sp_metadata(published(NOW + 7 * DAY), (FEDERATION.der,))
    return school_of(settings, MetadataSource(url=publisher.url, certificate=FEDERATION.der))


@pytest.fixture
async def node(database: Database, first: System) -> AsyncIterator[Node]:
    made = Node(database, CLOCK, first)
    yield made
    await made.http.aclose()


@pytest.fixture
async def lone(tmp_path: Path, first: System) -> AsyncIterator[Node]:
    """A node on the quicker database, for what does not depend on it."""
    migrate(f"sqlite:///{tmp_path / 'lone.sqlite'}")
    database = SqliteDatabase(tmp_path / "lone.sqlite")
    made = Node(database, CLOCK, first)
    yield made
    await made.http.aclose()
    await database.close()


async def test_a_newer_document_counts_at_once_on_every_node_and_after_a_start(
    database: Database, node: Node, first: System, publisher: Publisher
) -> None:
    publisher.document = published(NOW + 8 * DAY, key=OTHER_KEY)
    other = Node(database, CLOCK, first)
    await asyncio.gather(node.renewal.look(), other.renewal.look())
    assert len(publisher.asked) == 1, "one of all nodes asks"
    await asyncio.gather(node.renewal.load(), other.renewal.load())
    assert node.keys == other.keys == (OTHER_KEY.der,)
    events = node.audit.events + other.audit.events
    assert [event for event, _ in events] == ["saml_metadata_renewed"]

    restarted = Node(database, CLOCK, first)
    assert restarted.keys == (SP_KEY.der,)
    await restarted.renewal.load()
    assert restarted.keys == (OTHER_KEY.der,)
    await restarted.renewal.look()
    assert len(publisher.asked) == 1, "it is not time yet"
    for one in (other, restarted):
        await one.http.aclose()


async def test_what_is_not_new_is_not_sent_again(
    database: Database, node: Node, first: System, publisher: Publisher
) -> None:
    publisher.document = published(NOW + 8 * DAY, key=OTHER_KEY)
    await node.renewal.look()
    await node.kept.make_due(SCHOOL)
    await node.renewal.look()
    assert b'if-none-match: "1"' in publisher.asked[1].lower()
    (row,) = await node.kept.all()
    assert (row.version, row.failure) == (1, None)
    assert NOW + SOONEST <= row.due_at <= NOW + LATEST


REFUSED = {
    "unsigned": ({"signer": None}, "not exactly one signature"),
    "signed-by-another": ({"signer": OTHER_KEY}, "the signature is not one of this system"),
    "signed-by-the-provider": ({"signer": SP_KEY}, "the signature is not one of this system"),
    "entity-id-changed": ({"entity_id": "https://x.test"}, "another service provider"),
    "no-end": ({"change": ("validUntil", "validFrom")}, "no validUntil"),
    "javascript-address": ({"change": ("https://school.test/acs", "javascript:x")}, "http"),
    "no-key": ({"change": ('use="signing"', 'use="encryption"')}, "a certificate"),
    "private-soap-address": (
        {"change": ("https://school.test/soap", "http://10.0.0.1/soap")},
        "an address that may not be called",
    ),
    "doctype": ({"signer": None, "change": ("<md:E", "<!DOCTYPE x><md:E")}, ""),
    "nothing": (None, ""),
    "no-xml": (b"no xml", ""),
}


@pytest.mark.parametrize("case", [pytest.param(name, id=f"S20-{name}") for name in REFUSED])
async def test_any_other_document_is_refused_told_and_the_old_one_goes_on(
    lone: Node, publisher: Publisher, case: str
) -> None:
    how, reason = REFUSED[case]
    until = NOW + 8 * DAY
    if isinstance(how, dict):
        publisher.document = published(until, key=OTHER_KEY, **how)
    else:
        publisher.document = how or b""
    await lone.renewal.look()
    assert lone.keys == (SP_KEY.der,)
    ((event, fields),) = lone.audit.events
    assert (event, fields["system"]) == ("saml_metadata_refused", SCHOOL)
    assert reason in str(fields["reason"])
    assert await lone.failure() == fields["reason"]


async def test_a_document_that_was_changed_after_it_was_signed_is_refused_s20_changed(
    node: Node, publisher: Publisher
) -> None:
    document = published(NOW + 8 * DAY, key=OTHER_KEY)
    publisher.document = document.replace(b"school.test/acs", b"thief.test/acs")
    await node.renewal.look()
    assert node.keys == (SP_KEY.der,)
    assert await node.failure() == "the signature is not one of this system"


async def test_an_older_document_never_takes_the_place_of_a_newer_s20_rollback(
    node: Node, publisher: Publisher
) -> None:
    publisher.document = published(NOW + 9 * DAY, key=OTHER_KEY)
    await node.renewal.look()
    publisher.etag, publisher.document = '"2"', published(NOW + 8 * DAY)
    await node.kept.make_due(SCHOOL)
    await node.renewal.look()
    assert node.keys == (OTHER_KEY.der,), "though signed, and newer than the file"
    assert await node.failure() == "older than what is kept"


async def test_of_two_with_the_same_end_the_one_published_later_counts_s20_rollback(
    node: Node, publisher: Publisher
) -> None:
    def at(day: int) -> tuple[str, str]:
        info = (
            '<md:Extensions><r:PublicationInfo xmlns:r="urn:oasis:names:tc:SAML:metadata:rpi"'
            f' publisher="p" creationInstant="2026-01-0{day}T00:00:00Z"/></md:Extensions>'
        )
        return ("<md:SPSSODescriptor", f"{info}<md:SPSSODescriptor")

    until = NOW + 9 * DAY
    publisher.document = published(until, key=OTHER_KEY, change=at(2))
    await node.renewal.look()
    assert node.keys == (OTHER_KEY.der,)
    publisher.etag = '"2"'
    for older in (at(1), ("", "")):
        publisher.document = published(until, change=older)
        await node.kept.make_due(SCHOOL)
        await node.renewal.look()
        assert await node.failure() == "older than what is kept"
    publisher.document = published(until, change=at(3))
    await node.kept.make_due(SCHOOL)
    await node.renewal.look()
    assert (node.keys, await node.failure()) == ((SP_KEY.der,), None)


async def test_one_that_ran_out_already_is_refused_s20_expired(
    database: Database, first: System, publisher: Publisher
) -> None:
    clock = Clock()
    clock.now += 10 * DAY
    node = Node(database, clock, first)
    publisher.document = published(clock.now - 1, key=OTHER_KEY)
    await node.renewal.look()
    assert (node.keys, await node.failure()) == ((SP_KEY.der,), "it ran out")
    await node.http.aclose()


@pytest.mark.parametrize("how", ["huge", "error", "redirect", "not-modified"])
async def test_no_document_is_a_failure_and_asked_again_within_the_hour(
    lone: Node, publisher: Publisher, how: str
) -> None:
    publisher.document = published(NOW + 8 * DAY, key=OTHER_KEY)
    match how:
        case "huge":
            publisher.document += b" " * 300_000
        case "error":
            publisher.status = b"500 No"
        case "redirect":
            publisher.status = b"302 Found"
            publisher.headers = b"location: /metadata\r\n"
        case _:
            publisher.status, publisher.document = b"304 Not Modified", b""
    await lone.renewal.look()
    (row,) = await lone.kept.all()
    assert lone.keys == (SP_KEY.der,)
    assert (row.version, row.failure) == (0, "no document came")
    assert row.due_at == NOW + SOONEST
    assert lone.audit.events == []
    assert len(publisher.asked) == 1


async def test_an_address_that_the_rules_forbid_is_never_asked_s20_internal_host(
    database: Database, first: System, publisher: Publisher
) -> None:
    node = Node(database, CLOCK, first, EgressRules())
    await node.renewal.look()
    assert publisher.asked == []
    assert await node.failure() == "no document came"
    await node.http.aclose()


async def test_a_kept_copy_is_checked_again_against_the_pinned_certificate_of_the_start(
    database: Database, node: Node, first: System, publisher: Publisher
) -> None:
    publisher.document = published(NOW + 8 * DAY, key=OTHER_KEY)
    await node.renewal.look()
    assert first.saml is not None
    again = school_of(first.saml, MetadataSource(url=publisher.url, certificate=SP_KEY.der))
    restarted = Node(database, CLOCK, again)
    await restarted.renewal.load()
    assert restarted.keys == (SP_KEY.der,), "the file of this start counts"
    publisher.document = published(NOW + 8 * DAY, key=OTHER_KEY, signer=SP_KEY)
    await restarted.kept.make_due(SCHOOL)
    await restarted.renewal.look()
    assert b"if-none-match" not in publisher.asked[-1].lower()
    assert restarted.keys == (OTHER_KEY.der,)
    await restarted.http.aclose()


async def test_a_file_that_counts_longer_takes_the_place_of_the_kept_copy(
    database: Database, node: Node, publisher: Publisher
) -> None:
    publisher.document = published(NOW + 8 * DAY, key=OTHER_KEY)
    await node.renewal.look()
    file = read_sp_metadata(published(NOW + 20 * DAY), (FEDERATION.der,))
    source = MetadataSource(url=publisher.url, certificate=FEDERATION.der)
    restarted = Node(database, CLOCK, school_of(file, source))
    await restarted.renewal.load()
    assert restarted.keys == (SP_KEY.der,)
    await restarted.http.aclose()


@pytest.mark.parametrize(
    ("ends_in", "cache", "soonest", "latest"),
    [
        (365 * DAY, "", 0.9 * DAY, DAY),
        (DAY, "", 0.45 * DAY, DAY / 2),
        (7 * DAY, "PT8H", 0.45 * 8 * 3600, 4 * 3600),
        (7 * DAY, "P1DT6H30M1S", 0.45 * 109_801, 54_901),
        (7 * DAY, "PT1S", 3600, 3600),
        (60, "", 3600, 3600),
        (-60, "", 3600, 3600),
    ],
)
def test_the_next_look_is_half_way_to_the_end_within_an_hour_and_a_day(
    ends_in: int, cache: str, soonest: float, latest: float
) -> None:
    root = f' cacheDuration="{cache}"' if cache else ""
    settings = read_sp_metadata(published(NOW + ends_in, root=root), (FEDERATION.der,))
    spread = [due_at(settings, NOW, byte) - NOW for byte in range(256)]
    assert soonest <= min(spread) <= max(spread) <= latest
    assert (len(set(spread)) > 1) == (soonest != latest)
