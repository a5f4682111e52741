"""A school signs its people in by SAML, with the session that OIDC began."""

import base64

import pytest

from connectors.systems.saml.authn_request import MFA
from tests.fixtures_world import Browser, World
from tests.saml.conftest import Told
from tests.saml.messages import ACS, SP, authn_request, signed_query, signed_xml


async def asked(browser: Browser, query: str):
    return await browser.http.get(f"/saml/sso?{query}")


async def test_a_session_from_oidc_needs_no_second_prompt(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser = school.browser()
    await browser.code(school.alice)
    told = Told(
        await asked(browser, signed_query(authn_request(school.clock.now))), idp_certificates
    )
    assert told.target == ACS
    assert told.fields["RelayState"] == "rs-1"
    assert told.codes == ["Success"]
    assert told.text("Audience") == SP
    assert told.text("Issuer") == "https://id.test/saml/metadata"
    assert told.attributes["name"] == "Nguyễn Thị Ánh Tuyết"
    assert told.attributes["local_account"].startswith("hs-")
    assert told.root.get("InResponseTo") == "_r1"
    assert len(told.text("NameID")) == 32


async def test_the_persistent_name_stays_and_is_of_no_use_to_another_system(
    school: World, idp_certificates: list[bytes]
) -> None:
    names = []
    for issuer in (SP, SP, "https://other.test/metadata"):
        browser = school.browser()
        await browser.code(school.alice)
        query = signed_query(authn_request(school.clock.now, issuer=issuer))
        names.append(Told(await asked(browser, query), idp_certificates).text("NameID"))
    assert names[0] == names[1] != names[2]


async def test_without_a_session_the_person_signs_in_first(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser = school.browser()
    start = await asked(browser, signed_query(authn_request(school.clock.now)))
    assert start.headers["location"].startswith("/sign-in")
    told = Told(await browser.sign_in(school.alice, start), idp_certificates)
    assert told.codes == ["Success"]
    assert told.fields["RelayState"] == "rs-1"


async def test_a_long_signed_post_goes_through_the_pages_too(
    school: World, idp_certificates: list[bytes]
) -> None:
    browser = school.browser()
    xml = signed_xml(authn_request(school.clock.now))
    form = {"SAMLRequest": base64.b64encode(xml.encode()).decode(), "RelayState": "r &=ế"}
    start = await browser.follow(await browser.http.post("/saml/sso", data=form))
    assert "form" in start.text
    told = Told(await browser.sign_in(school.alice, start), idp_certificates)
    assert told.fields["RelayState"] == "r &=ế"


async def test_passive_without_a_session_answers_no_passive(
    school: World, idp_certificates: list[bytes]
) -> None:
    xml = authn_request(school.clock.now, attributes=' IsPassive="true"')
    told = Told(await asked(school.browser(), signed_query(xml)), idp_certificates)
    assert told.codes == ["Responder", "NoPassive"]


async def test_force_authn_asks_again(school: World) -> None:
    browser = school.browser()
    await browser.code(school.alice)
    xml = authn_request(school.clock.now, attributes=' ForceAuthn="true"')
    response = await asked(browser, signed_query(xml))
    assert response.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(
    ("ref", "comparison", "codes"),
    [
        (MFA, "exact", ["Success"]),
        ("LoA1", "minimum", ["Success"]),
        ("LoA2", "better", ["Requester", "NoAuthnContext"]),
        ("urn:nobody:knows", "exact", ["Requester", "NoAuthnContext"]),
    ],
)
async def test_a_context_class_is_a_level_of_assurance(
    school: World, idp_certificates: list[bytes], ref: str, comparison: str, codes: list[str]
) -> None:
    browser = school.browser()
    await browser.code(school.alice)
    content = (
        f'<samlp:RequestedAuthnContext Comparison="{comparison}"><saml:AuthnContextClassRef>{ref}'
        "</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
    )
    xml = authn_request(school.clock.now, content=content)
    told = Told(await asked(browser, signed_query(xml)), idp_certificates)
    assert told.codes == codes
    if codes == ["Success"]:
        assert told.text("AuthnContextClassRef") == ref


async def test_the_metadata_lists_the_key_that_signs_and_the_next_one(
    school: World, idp_certificates: list[bytes]
) -> None:
    again = await school.http.get("/saml/metadata")
    assert len(idp_certificates) == len(set(idp_certificates)) == 2
    assert b"WantAssertionsSigned" not in again.content
