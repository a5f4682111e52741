"""The school asks for the end of a session by a browser that does not show ours."""

import base64
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from connectors.saml.bindings import message_of
from tests.fixtures_world import Fields, World
from tests.saml.messages import (
    OTHER_KEY,
    SLO,
    logout_request,
    signed_query,
    signed_xml,
)
from tests.saml.test_logout import alive, entered


def posted(xml: str, relay_state: str = "back+ +%2F") -> dict[str, str]:
    """The fields of a form on a page of the school."""
    signed = signed_xml(xml, element_id="_l1").encode()
    return {"SAMLRequest": base64.b64encode(signed).decode(), "RelayState": relay_state}


def status_of(response: httpx.Response) -> list[str]:
    assert response.status_code == 303, response.text[:300]
    location = response.headers["location"]
    assert location.startswith(f"{SLO}?SAMLResponse=")
    answered = message_of(quote(parse_qs(urlsplit(location).query)["SAMLResponse"][0], safe=""))
    return [code for code in ("Success", "UnknownPrincipal") if code.encode() in answered]


async def test_a_form_that_comes_without_our_cookie_is_posted_again_from_a_page_of_ours(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser, told = await entered(school, idp_certificates)
    form = posted(logout_request(school.clock.now, told.text("NameID"), told.sid))
    page = await school.browser().http.post("/saml/slo", data=form)
    assert page.status_code == 200
    assert "location" not in page.headers
    shown = Fields(page.text)
    assert shown.actions == ["/saml/slo"], "no message in an address, which logs and histories keep"
    assert shown.values == form | {"again": "1"}
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://school.test;" in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'<script nonce="{nonce}">' in page.text
    assert '<button class="primary" type="submit">' in page.text, "by hand, where no script runs"
    assert "Trường học" in page.text
    assert page.headers["cache-control"] == "no-store"

    assert await alive(browser), "a page ends nothing"
    done = await browser.http.post("/saml/slo", data=shown.values)
    assert status_of(done) == ["Success"]
    assert parse_qs(urlsplit(done.headers["location"]).query)["RelayState"] == ["back+ +%2F"]
    assert not await alive(browser)


async def test_the_page_speaks_english_to_a_browser_that_does(
    school: World, idp_certificates: list[bytes]
) -> None:
    _, told = await entered(school, idp_certificates)
    form = posted(logout_request(school.clock.now, told.text("NameID"), told.sid))
    english = {"accept-language": "en"}
    page = await school.browser().http.post("/saml/slo", data=form, headers=english)
    assert "to finish signing out of <strong>School</strong>" in page.text


async def test_what_nobody_signed_gets_no_page_that_posts(
    school: World, idp_certificates: list[bytes]
) -> None:
    _, told = await entered(school, idp_certificates)
    xml = logout_request(school.clock.now, told.text("NameID"), told.sid)
    for sent in (xml, signed_xml(xml, OTHER_KEY, element_id="_l1")):
        form = {"SAMLRequest": base64.b64encode(sent.encode()).decode()}
        page = await school.browser().http.post("/saml/slo", data=form)
        assert page.status_code == 400
        assert "SAMLRequest" not in page.text


async def test_a_session_in_another_browser_ends_where_the_system_names_its_own(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser, told = await entered(school, idp_certificates)
    query = signed_query(logout_request(school.clock.now, told.text("NameID"), told.sid))
    stranger = school.browser()
    response = await stranger.http.get(f"/saml/slo?{query}")
    assert status_of(response) == ["Success"]
    assert "set-cookie" not in response.headers, "the browser that carried it keeps what it has"
    assert not await alive(browser)


async def test_the_session_of_the_carrying_browser_lives_on_where_another_is_named(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser, told = await entered(school, idp_certificates)
    other = school.browser()
    await other.code(school.bob)
    query = signed_query(logout_request(school.clock.now, told.text("NameID"), told.sid))
    assert status_of(await other.http.get(f"/saml/slo?{query}")) == ["Success"]
    assert await alive(other)
    assert not await alive(browser)


async def test_a_system_ends_no_session_under_a_name_or_a_session_that_is_not_its_own(
    school: World, idp_certificates: list[bytes]
) -> None:
    """S19: what it could have learned elsewhere is worth nothing."""
    browser, told = await entered(school, idp_certificates)
    name, sid, now = told.text("NameID"), told.sid, school.clock.now
    elsewhere = "https://other.test/metadata"
    for number, (asked_name, asked_sid, issuer) in enumerate(
        (
            ("somebody-else", sid, None),
            (name, "0" * 32, None),
            (name, sid, elsewhere),  # it never joined this session
            (name, None, None),  # no session is named, and this browser has none
        )
    ):
        more = {} if issuer is None else {"issuer": issuer}
        xml = logout_request(now, asked_name, asked_sid, request_id=f"_n{number}", **more)
        response = await school.browser().http.get(f"/saml/slo?{signed_query(xml)}")
        assert status_of(response) == ["UnknownPrincipal"], number
        assert response.headers["correlation-id"], "the audit keeps it"
    assert await alive(browser)
