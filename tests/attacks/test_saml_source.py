"""Group S, as far as it touches what a SAML source answers."""

import asyncio
import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.saml.signature import signed
from tests.attacks.test_upstream import is_refused
from tests.fixtures_world import World, answer
from tests.saml_idp import (
    FOREIGN,
    KEY,
    Says,
    asked,
    bring,
    come_back,
    idp_metadata,
    post_on,
    saml_source,
    twin_of,
)

EVIL = "Kẻ Mạo Danh"


@pytest.fixture
def more_config(tmp_path: Path) -> str:
    metadata = idp_metadata(entity_id="https://2.test/m")
    return saml_source(tmp_path) + saml_source(tmp_path, name="second", metadata=metadata)


def forged(says: Says) -> str:
    """An assertion for somebody else, not signed."""
    made = Says(now=says.now, request_id=says.request_id, name_id="p-1", assertion_id="_evil")
    made.attributes = {"cn": EVIL}
    return made.assertion()


def _reused_metadata_signature(says: Says) -> str:
    metadata = idp_metadata(root=' ID="_m1"')
    marked = metadata.replace("<md:IDP", "<saml:Issuer xmlns:saml='urn:x'></saml:Issuer><md:IDP", 1)
    vouched = signed(marked, "_m1", KEY, KEY.der)
    signature = re.search(r"<ds:Signature.*</ds:Signature>", vouched)
    assert signature
    assertion = says.assertion()
    return says.response(assertion.replace("</saml:Issuer>", "</saml:Issuer>" + signature[0], 1))


def _removed(says: Says) -> str:
    return re.sub(r"<ds:Signature.*</ds:Signature>", "", says.whole())


def _in_advice(says: Says) -> str:
    """The signed assertion inside a forged one."""
    inner = says.signed_assertion()
    before = "<saml:AuthnStatement"
    return says.response(
        forged(says).replace(before, f"<saml:Advice>{inner}</saml:Advice>{before}", 1)
    )


def _advice_signed(says: Says) -> str:
    says.more = f"<saml:Advice>{forged(says)}</saml:Advice>"
    return says.answer()


def _encrypted_forged(says: Says) -> str:
    return says.response(says.encrypted(KEY.der, sign=False))


CHANGED: dict[str, Callable[[Says], str]] = {
    "S01-no-signature": lambda says: says.response(says.assertion()),
    "S01-response-signature-removed": _removed,
    "S01-metadata-signature": _reused_metadata_signature,
    "S01-other-key": lambda says: says.response(says.signed_assertion(FOREIGN)),
    "S03-in-advice": _in_advice,
    "S03-advice-inside": _advice_signed,
    "S04-forged-before": lambda says: says.response(forged(says) + says.signed_assertion()),
    "S04-forged-after": lambda says: says.response(says.signed_assertion() + forged(says)),
    "S04-encrypted-unsigned": _encrypted_forged,
    "S05-comment-in-attribute": lambda says: says.answer().replace("Lê Thị An", "Lê<!-- -->Thị An"),
    "S06-doctype": lambda says: "<!DOCTYPE a>" + says.answer(),
    "S06-laughs": lambda says: '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]>' + says.answer(),
    "changed-after": lambda says: says.answer().replace("Lê Thị An", EVIL),
    "other-response-around": lambda says: says.whole().replace("p-17", "p-18"),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGED)
async def test_nothing_is_read_that_the_source_did_not_sign(world: World, change: str) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    page = await come_back(browser, CHANGED[change](says))
    assert is_refused(page)
    assert EVIL not in page.text


BENT: dict[str, dict[str, object]] = {
    "S11-audience-other": {"audience": "https://other.test/metadata"},
    "S11-audience-missing": {"audience": None},
    "S11-conditions-missing": {"with_conditions": False},
    "S11-past": {"not_on_or_after": -61},
    "S11-not-before": {"not_before": 61},
    "S11-issuer-missing": {"with_issuer": False},
    "S11-version": {"version": "1.1"},
    "issuer-other": {"issuer": "https://2.test/m"},
    "recipient-other": {"acs": "https://id.test/upstream/second/acs"},
    "confirmation-past": {"confirmation_ends": -61},
    "transient": {"name_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"},
    "level-unknown": {"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"},
    "to-come": {"authn_instant": 3600},
    "nameless": {"attributes": {"mail": "an@tinh.test"}},
}


@pytest.mark.parametrize("change", BENT)
async def test_a_signed_answer_that_does_not_fit_is_refused(world: World, change: str) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    for name, value in BENT[change].items():
        setattr(says, name, value)
    assert is_refused(await come_back(browser, says.answer()))


@pytest.mark.parametrize("bend", [{"not_on_or_after": -59}, {"not_before": 59}])
async def test_a_clock_may_be_a_minute_off(world: World, bend: dict[str, float]) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    for name, value in bend.items():
        setattr(says, name, value)
    assert answer(await come_back(browser, says.answer()))["code"]


# --- S13: once ------------------------------------------------------------------------------------


async def test_an_answer_is_taken_once_however_often_it_is_brought_s13_at_once(
    world: World,
) -> None:
    browser = world.browser()
    xml = (await asked(world, browser)).answer()
    tabs = [twin_of(world, browser) for _ in range(4)]
    done = await asyncio.gather(*(come_back(tab, xml) for tab in tabs))
    assert sorted(response.status_code for response in done) == [303, 400, 400, 400]


async def test_an_assertion_is_taken_once_inside_a_new_response_s13_inside_a_new_response(
    world: World,
) -> None:
    browser = world.browser()
    first = await asked(world, browser)
    old = first.signed_assertion()
    assert answer(await come_back(browser, first.response(old)))["code"]
    again = await asked(world, browser, prompt="login")
    again.response_id = "_r2"
    assert is_refused(await come_back(browser, again.response(old)))


async def test_an_id_of_an_assertion_counts_once_whatever_else_it_says(world: World) -> None:
    browser = world.browser()
    first = await asked(world, browser)
    assert answer(await come_back(browser, first.answer()))["code"]
    other = world.browser()
    says = await asked(world, other)
    assert is_refused(await come_back(other, says.answer())), "the same id as before"
    fresh = await asked(world, other)
    fresh.assertion_id = "_a2"
    assert answer(await come_back(other, fresh.answer()))["code"]


# --- whose answer it is ---------------------------------------------------------------------------


async def test_an_answer_that_another_browser_began_is_worth_nothing(world: World) -> None:
    mallory, victim = world.browser("203.0.113.66"), world.browser()
    says = await asked(world, mallory)
    await asked(world, victim)
    assert is_refused(await come_back(victim, says.answer()))


async def test_an_answer_that_nobody_asked_for_is_refused(world: World) -> None:
    browser = world.browser()
    await asked(world, browser)
    for request_id in ("", "_x", "us_abcdef"):
        says = Says(now=world.clock(), request_id=request_id)
        assert is_refused(await come_back(browser, says.answer()))


async def test_an_answer_of_one_source_is_nothing_at_another(world: World) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    assert is_refused(await come_back(browser, says.answer(), source="second"))


async def test_an_answer_is_too_late_after_ten_minutes(world: World) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    world.clock.now += 601
    says.now = world.clock()
    assert is_refused(await come_back(browser, says.answer()))


async def test_the_form_of_another_site_alone_signs_nobody_in(world: World) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    page = await bring(browser, says.answer())
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    stranger = world.browser()
    assert is_refused(await post_on(stranger, page))


@pytest.mark.parametrize(
    "relay_state",
    [
        pytest.param("javascript:alert(1)", id="S18-javascript"),
        pytest.param("//evil.test", id="S18-other-host"),
        pytest.param('"><script>alert(1)</script>', id="S18-html"),
    ],
)
async def test_relay_state_is_neither_kept_nor_shown_nor_followed(
    world: World, relay_state: str
) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    page = await bring(browser, says.answer(), relay_state=relay_state)
    assert relay_state not in page.text
    done = await post_on(browser, page)
    assert done.headers["location"].startswith("https://rp1.test/cb?")
    assert "evil" not in done.headers["location"]


DEEP = base64.b64encode(b"<a>" * 60 + b"</a>" * 60).decode()


@pytest.mark.parametrize(
    "value", ["", "!!!", "PGE+", DEEP, "A" * 70_000], ids=["none", "signs", "cut", "deep", "long"]
)
async def test_nonsense_gets_a_page(world: World, value: str) -> None:
    for path in ("acs", "callback"):
        response = await world.http.post(f"/upstream/staff/{path}", data={"SAMLResponse": value})
        assert response.status_code in (200, 400, 413), path
        assert response.status_code != 200 or path == "acs"
        assert "location" not in response.headers
