"""The school asks for the end of a session, and hears of it."""

import os
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from lxml import etree

from connectors.saml.bindings import message_of, verify_query
from connectors.saml.names import SAML, SAMLP
from connectors.saml.signature import verified
from connectors.saml.voice import Voice
from idp.flows.saml_notices import SamlNotices
from idp.model import Notice
from tests.fixtures_world import Browser, World
from tests.saml.conftest import Told
from tests.saml.messages import (
    OTHER_KEY,
    SLO,
    SOAP,
    SP_KEY,
    authn_request,
    logout_request,
    signed_query,
    unsigned_query,
)


async def entered(school: World, certificates: list[bytes]) -> tuple[Browser, Told]:
    browser = school.browser()
    await browser.code(school.alice)
    query = signed_query(authn_request(school.clock.now))
    return browser, Told(await browser.http.get(f"/saml/sso?{query}"), certificates)


async def alive(browser: Browser) -> bool:
    response = await browser.authorize(prompt="none")
    return "code=" in response.headers["location"]


async def test_a_signed_request_ends_the_session_and_is_answered(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser, told = await entered(school, idp_certificates)
    xml = logout_request(school.clock.now, told.text("NameID"), told.sid)
    response = await browser.http.get(f"/saml/slo?{signed_query(xml, 'back')}")
    location = response.headers["location"]
    assert location.startswith(f"{SLO}?SAMLResponse=")
    sent = dict(part.split("=", 1) for part in urlsplit(location).query.split("&"))
    verify_query(sent, "SAMLResponse", idp_certificates)
    assert sent["RelayState"] == "back"
    root = etree.fromstring(message_of(sent["SAMLResponse"]))
    assert root.get("InResponseTo") == "_l1"
    assert b"status:Success" in etree.tostring(root)
    assert not await alive(browser)


def _unsigned(world: World, told: Told) -> str:
    return unsigned_query(logout_request(world.clock.now, told.text("NameID"), told.sid))


def _other_key(world: World, told: Told) -> str:
    xml = logout_request(world.clock.now, told.text("NameID"), told.sid)
    return signed_query(xml, key=OTHER_KEY)


def _other_name(world: World, told: Told) -> str:
    return signed_query(logout_request(world.clock.now, "somebody-else", told.sid))


def _other_session(world: World, told: Told) -> str:
    return signed_query(logout_request(world.clock.now, told.text("NameID"), "0" * 32))


def _old(world: World, told: Told) -> str:
    return signed_query(logout_request(world.clock.now - 400, told.text("NameID"), told.sid))


def _response(world: World, told: Told) -> str:
    xml = f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" ID="_x" Version="2.0"/>'
    return signed_query(xml).replace("SAMLRequest=", "SAMLResponse=")


@pytest.mark.parametrize(
    ("make", "status"),
    [
        pytest.param(_unsigned, 400, id="S19-unsigned"),
        pytest.param(_other_key, 400, id="S19-signed-by-another-key"),
        pytest.param(_other_name, 303, id="S19-other-NameID"),
        pytest.param(_other_session, 303, id="S19-other-SessionIndex"),
        pytest.param(_old, 400, id="S19-old"),
        pytest.param(_response, 400, id="S19-response-without-request"),
    ],
)
async def test_a_logout_that_is_not_right_ends_nothing(
    school: World, idp_certificates: list[bytes], make, status: int
) -> None:
    browser, told = await entered(school, idp_certificates)
    response = await browser.http.get(f"/saml/slo?{make(school, told)}")
    assert response.status_code == status
    if status == 303:
        query = parse_qs(urlsplit(response.headers["location"]).query)
        answered = message_of(quote(query["SAMLResponse"][0], safe=""))
        assert b"UnknownPrincipal" in answered
    assert await alive(browser)


async def test_a_request_is_taken_once_s19_replayed(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser, told = await entered(school, idp_certificates)
    query = signed_query(logout_request(school.clock.now, told.text("NameID"), told.sid))
    assert (await browser.http.get(f"/saml/slo?{query}")).status_code == 303
    await browser.code(school.alice)
    assert (await browser.http.get(f"/saml/slo?{query}")).status_code == 400
    assert await alive(browser)


async def test_the_school_is_told_by_soap_when_the_session_ends_elsewhere(
    school: World, idp_certificates: list[bytes]
) -> None:

    _, told = await entered(school, idp_certificates)
    voice = Voice(entity_id="https://id.test/saml/metadata", signer=SP_KEY, certificate=SP_KEY.der)
    writer = SamlNotices(voice=lambda: voice, systems=school.settings.systems, entropy=os.urandom)
    assert writer.told() == {"system:school", "system:other", "system:secret"}
    notice = Notice(
        notice_id="5",
        participant="system:school",
        sub=told.text("NameID"),
        sid=told.sid,
        created_at=0,
    )
    message = writer.message(notice, int(school.clock.now))
    assert message is not None
    assert (message.url, message.kind) == (SOAP, "text/xml")
    body = etree.fromstring(message.body or b"")[0][0]
    request = verified(etree.tostring(body), [SP_KEY.der], f"{{{SAMLP}}}LogoutRequest")
    assert request.findtext(f"{{{SAML}}}NameID") == told.text("NameID")
    assert request.findtext(f"{{{SAMLP}}}SessionIndex") == told.sid
