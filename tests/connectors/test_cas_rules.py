"""The pure rules of CAS: addresses, tickets, documents, and what a configuration may say."""

import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Assurance, SessionId, SubjectId
from connectors.systems.cas.answers import (
    Success,
    failure_document,
    one_line,
    plain_success,
    success_document,
    xml_text,
)
from connectors.systems.cas.failures import FailureCode
from connectors.systems.cas.logout import known_as, logout_request, ticket_and_service
from connectors.systems.cas.service import covers, plainly_written
from connectors.systems.cas.ticket import (
    MAX_PROXIES,
    CasTicket,
    TicketKind,
    digest_of_address,
    digest_of_proxy,
    open_ticket,
    seal_ticket,
)
from idp.config import ConfigurationRefused, load_settings
from idp.flows.notices import CasNotices, Message
from idp.model import Notice
from keys.seal import Sealer
from tests.fixtures_world import ENVIRONMENT, write_config

SEALER = Sealer([b"k" * 32], entropy=os.urandom)
TICKET = CasTicket(
    kind=TicketKind.SERVICE,
    sid=SessionId("0f" * 16),
    subject=SubjectId("a1" * 16),
    address=digest_of_address("https://app.test/"),
    fresh=True,
    assurance=Assurance.LEVEL_2,
    authenticated_at=1_800_000_000,
    session_expires_at=1_800_030_000,
    expires_at=1_800_000_030,
)


@pytest.mark.parametrize("kind", TicketKind)
@pytest.mark.parametrize("hops", range(MAX_PROXIES + 1))
def test_a_ticket_comes_back_whole_and_is_never_too_long(kind: TicketKind, hops: int) -> None:
    proxies = tuple(digest_of_proxy(f"https://{number}.test/") for number in range(hops))
    ticket = replace(TICKET, kind=kind, proxies=proxies)
    text = seal_ticket(SEALER, ticket)
    opened = open_ticket(SEALER, text)
    assert opened is not None
    assert opened.ticket == ticket
    assert len(text) <= 250


def test_no_kind_of_ticket_opens_as_another_and_none_that_was_changed_opens() -> None:
    text = seal_ticket(SEALER, TICKET)
    letters = text.removeprefix("ST-")
    assert open_ticket(SEALER, f"PT-{letters}") is None
    assert open_ticket(SEALER, f"PGT-{letters}") is None
    for at in range(0, len(letters), 7):
        changed = letters[:at] + ("A" if letters[at] != "A" else "B") + letters[at + 1 :]
        assert open_ticket(SEALER, f"ST-{changed}") is None
    assert open_ticket(Sealer([b"j" * 32], entropy=os.urandom), text) is None


def test_a_ticket_has_one_spelling() -> None:
    """The last letter has unused bits: other letters would stand for the same bytes."""
    text = seal_ticket(SEALER, TICKET)
    spellings = [text[:-1] + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"]
    assert [spelled for spelled in spellings if open_ticket(SEALER, spelled)] == [text]


@given(st.text(max_size=300))
def test_no_text_that_is_not_ours_opens(text: str) -> None:
    assert open_ticket(SEALER, text) is None
    assert open_ticket(SEALER, f"ST-{text}") is None


@given(st.text(max_size=200))
def test_any_value_stays_a_value(value: str) -> None:
    success = Success(user=value, claims={"name": value}, authenticated_at=0, fresh=True)
    document = ET.fromstring(success_document(success, attributes=True).encode())
    assert [child.tag.rpartition("}")[2] for child in document] == ["authenticationSuccess"]
    (user,) = document.iter("{http://www.yale.edu/tp/cas}user")
    kept = "".join(c for c in value if xml_text(c))
    assert (user.text or "") == kept
    assert plain_success(value).count("\n") == 2
    assert one_line(value) in plain_success(value)


def test_every_failure_is_well_formed_and_no_success() -> None:
    for code in FailureCode:
        (child,) = ET.fromstring(failure_document(code))
        assert child.tag.endswith("authenticationFailure")
        assert child.get("code") == code


def test_claims_of_every_kind_have_a_text() -> None:
    claims = {"yes": True, "number": 7, "address": {"formatted": "Phường <1>"}}
    success = Success(user="u", claims=claims, authenticated_at=0, fresh=False)
    written = success_document(success, attributes=True)
    assert "<cas:yes>true</cas:yes><cas:number>7</cas:number>" in written
    assert "<cas:address>Phường &lt;1&gt;</cas:address>" in written
    assert "<cas:authenticationDate>1970-01-01T00:00:00Z</cas:authenticationDate>" in written


def test_a_prefix_ends_at_a_segment_and_everything_else_stands_for_itself() -> None:
    assert covers("https://app.test/a/", "https://app.test/a/b?c")
    assert covers("https://app.test/a/", "https://app.test/a/")
    assert not covers("https://app.test/a/", "https://app.test/a")
    assert not covers("https://app.test/a", "https://app.test/a/b")
    assert not covers("https://app.test/a", "https://app.test/a?b")
    assert not covers("https://app.test/?x=/", "https://app.test/?x=/y")


@given(st.text(alphabet="ab./\\%25eEfF;?&#@: \t", max_size=30))
def test_what_is_plainly_written_has_no_second_reading(rest: str) -> None:
    url = "https://app.test/" + rest
    if plainly_written(url):
        path = url.partition("?")[0].removeprefix("https://app.test")
        assert not {"..", "."} & {segment.partition(";")[0] for segment in path.split("/")}
        assert "\\" not in url
        assert "#" not in url


def test_what_a_service_knows_a_session_by_comes_back_in_two_parts() -> None:
    service = "https://app.test/?a=b"
    assert ticket_and_service(known_as("ST-1", service)) == ("ST-1", service)
    assert ticket_and_service("") == ("", "")
    assert ticket_and_service("ST-1") == ("", "")


def test_a_logout_request_names_a_ticket_and_nobody() -> None:
    document = ET.fromstring(logout_request("ST-1", request_id="n.0", now=0))
    assert document.findtext("{urn:oasis:names:tc:SAML:2.0:assertion}NameID") == "@NOT_USED@"
    assert document.get("ID") == "LR-n.0"


# --- notices -------------------------------------------------------------------------------------


def notice(known: str, participant: str = "system:land") -> Notice:
    return Notice(
        notice_id="n",
        participant=participant,
        sub="p",
        sid="s",
        created_at=0,
        known_as=known,  # type: ignore[arg-type]  # plain texts
    )


def test_a_service_that_is_not_registered_any_more_hears_nothing(tmp_path: Path) -> None:
    settings = load_settings(write_config(tmp_path, "sqlite:///x"), ENVIRONMENT)
    writer = CasNotices(systems=settings.systems)
    assert writer.told() == {"system:land", "system:maps"}, "not those that want to hear nothing"
    known = known_as("ST-1", "https://app.test/land/x")
    message = writer.message(notice(known), 0)
    assert message is not None
    assert message.url == "https://app.test/land/x"
    for gone in (
        notice(known_as("ST-1", "https://gone.test/")),
        notice(known_as("ST-1", "https://maps.test/")),
        notice(""), notice(known, "system:safe"), notice(known, "system:portal"),
    ):  # fmt: skip
        assert writer.message(gone, 0) is None


def test_a_redirect_to_its_login_counts_as_heard_from_a_cas_service_alone() -> None:
    cas = Message(url="u", fields={}, also_received=frozenset({302, 303}))
    assert [status for status in (200, 204, 301, 302, 307, 404, 500, None) if cas.received(status)] == [
        200, 204, 302,
    ]  # fmt: skip
    assert not Message(url="u", fields={}).received(302)


# --- configuration ---------------------------------------------------------------------------------

LAND = 'services = ["https://app.test/land/", "https://land.test/enter"]'
MISTAKES = {
    "no path": ('"https://maps.test/"', '"https://maps.test"', "systems.maps.cas.services.0"),
    "upper case": ('"https://maps.test/"', '"https://Maps.test/"', "systems.maps.cas.services.0"),
    "dots": ('"https://maps.test/"', '"https://maps.test/a/../"', "systems.maps.cas.services.0"),
    "two systems": ('"https://maps.test/"', '"https://app.test/land/maps/"', "systems.maps.cas.services"),
    "all of another": ('"https://maps.test/"', '"https://app.test/"', "systems.maps.cas.services"),
    "none": ('["https://maps.test/"]', "[]", "systems.maps.cas.services"),
    "plain http": ('"https://maps.test/"', '"http://maps.test/"', "systems.maps.cas.services.0"),
    "call-back": ("https://maps.test/pgt", "http://maps.test/pgt", "systems.maps.cas.proxy_callbacks.0"),
    "shared call-back": ("https://maps.test/pgt", "https://app.test/pgt", "systems.maps.cas.proxy_callbacks"),
    "unknown proxy": ('proxied_by = ["land"], proxy', 'proxied_by = ["x"], proxy', "systems.maps.cas.proxied_by"),
    "no table": ('cas = { services = ["https://maps.test/"]', 'xas = { services = ["https://maps.test/"]', "systems.maps.cas"),
    "our own voice": ('claim = "acr"', 'claim = "isFromNewLogin"', "systems.land.claims.1.claim"),
    "unknown key": ("logout = false", "logut = false", "systems.safe.cas.logut"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    path = write_config(tmp_path, "sqlite:///x")
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    assert key in [problem.key for problem in refused.value.problems]
