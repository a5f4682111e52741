"""A person signs in by a source that speaks SAML 2.0."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.saml.bindings import parameters, verify_query
from connectors.saml.names import SAML
from keys.pem import new_rsa_pem
from tests.fixtures_world import ISSUER, Browser, World, answer
from tests.saml_idp import (
    ACS,
    ENTITY,
    FOREIGN,
    HIGH,
    LOW,
    PLACE,
    SLO,
    SSO,
    TRANSIENT,
    asked,
    bring,
    come_back,
    logout_request,
    post_on,
    request_in,
    saml_source,
    signed_query,
)
from tests.sources.test_inbound import lives
from tests.tokens import claims_of
from tests.upstreams import leave, sources_toml

PRIVATE_PEM, _ = new_rsa_pem()
CLASS = f"{{{SAML}}}AuthnContextClassRef"


@pytest.fixture
def more_config(tmp_path: Path) -> str:
    (tmp_path / "sp.pem").write_bytes(PRIVATE_PEM)
    by_attribute = saml_source(
        tmp_path, name="mail", more='subject_attribute = "uid"', metadata=other_metadata()
    )
    return (
        sources_toml(tmp_path)
        + saml_source(tmp_path, more='decryption_key_file = "sp.pem"')
        + by_attribute
    )


def other_metadata() -> str:
    from tests.saml_idp import idp_metadata

    return idp_metadata(entity_id="https://mail.test/metadata")


async def tokens_of(world: World, response: object) -> dict[str, object]:
    code = answer(response)["code"]  # type: ignore[arg-type]
    return dict((await world.redeem(code)).json())


async def test_a_person_signs_in_by_a_saml_source(world: World) -> None:
    browser = world.browser()
    says = await asked(world, browser, scope="openid profile email")
    tokens = await tokens_of(world, await come_back(browser, says.answer()))
    told = (await world.userinfo(str(tokens["access_token"]))).json()
    assert told["name"] == "Lê Thị An"
    assert (told["email"], told["email_verified"]) == ("an@tinh.test", False)
    assert claims_of(str(tokens["id_token"]))["acr"] == "LoA2"


@pytest.mark.parametrize("shape", ["whole", "both", "encrypted", "encrypted-whole"])
async def test_every_way_of_signing_that_covers_the_assertion_is_read(
    world: World, shape: str
) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    source = world.settings.sources["staff"]  # type: ignore[index]
    assert source.saml
    assert source.saml.opener
    reader = source.saml.opener.certificate
    xml = {
        "whole": says.whole(),
        "both": says.whole(says.signed_assertion()),
        "encrypted": says.response(says.encrypted(reader)),
        "encrypted-whole": says.whole(says.encrypted(reader, sign=False)),
    }[shape]
    assert answer(await come_back(browser, xml))["code"]


async def test_the_request_is_signed_and_names_what_it_wants(world: World) -> None:
    address = await leave(
        world.browser(), "staff", client_id="high", redirect_uri="https://high.test/cb",
        scope="openid",
    )  # fmt: skip
    assert address.startswith(f"{SSO}?SAMLRequest=")
    verify_query(parameters(urlsplit(address).query), "SAMLRequest", await _certificates(world))
    assert "RelayState" not in parse_qs(urlsplit(address).query)
    request = request_in(address)
    assert request.get("AssertionConsumerServiceURL") == ACS
    assert request.get("Destination") == SSO
    assert [node.text for node in request.iter(CLASS)] == [HIGH], "no class that is too low"
    assert request.get("ForceAuthn") is None
    anew = request_in(await leave(world.browser(), "staff", prompt="login"))
    assert anew.get("ForceAuthn") == "true"
    assert [node.text for node in anew.iter(CLASS)] == [LOW, HIGH]


async def _certificates(world: World) -> list[bytes]:
    import base64

    from lxml import etree

    document = (await world.http.get(f"{PLACE}/metadata")).content
    signing = etree.fromstring(document).iter("{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    return [base64.b64decode(node.text or "") for node in signing]


async def test_our_metadata_says_who_we_are_at_this_source(world: World) -> None:
    response = await world.http.get(f"{PLACE}/metadata")
    assert response.headers["content-type"] == "application/samlmetadata+xml"
    assert f'entityID="{ENTITY}"' in response.text
    assert f'Location="{ACS}"' in response.text
    assert 'use="encryption"' in response.text
    other = await world.http.get("/upstream/mail/metadata")
    assert 'use="encryption"' not in other.text
    assert (await world.http.get("/upstream/u1/metadata")).status_code == 404


async def test_the_same_person_has_one_sub_and_another_source_is_another_person(
    world: World,
) -> None:
    subs = []
    for name in ("p-17", "p-17", "p-18"):
        browser = world.browser()
        says = await asked(world, browser)
        says.name_id, says.assertion_id = name, f"_a{len(subs)}"
        tokens = await tokens_of(world, await come_back(browser, says.answer()))
        subs.append(claims_of(str(tokens["id_token"]))["sub"])
    assert subs[0] == subs[1] != subs[2]


async def test_a_declared_attribute_names_the_person_where_the_name_id_is_transient(
    world: World,
) -> None:
    subs = []
    for turn, name in enumerate(("t-1", "t-2")):
        browser = world.browser()
        says = await asked(world, browser, "mail")
        says.name_id, says.name_format, says.assertion_id = name, TRANSIENT, f"_a{turn}"
        says.issuer, says.attributes = "https://mail.test/metadata", {"cn": "Bình", "uid": "binh"}
        says.acs, says.audience = f"{ISSUER}/upstream/mail/acs", f"{ISSUER}/upstream/mail/metadata"
        came = await come_back(browser, says.answer(), source="mail")
        subs.append(claims_of(str((await tokens_of(world, came))["id_token"]))["sub"])
    assert subs[0] == subs[1]


async def test_the_page_that_the_source_posts_to_posts_on_and_reads_no_cookie(
    world: World,
) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    page = await bring(browser, says.answer(), relay_state="https://evil.test/")
    assert page.status_code == 200
    assert "set-cookie" not in page.headers
    assert "evil.test" not in page.text
    assert "form-action 'self';" in page.headers["content-security-policy"]
    done = await post_on(browser, page)
    assert answer(done)["code"]


async def test_a_level_that_was_not_reached_is_asked_for_again_and_never_lowered(
    world: World,
) -> None:
    browser = world.browser()
    says = await asked(
        world, browser, client_id="high", redirect_uri="https://high.test/cb", scope="openid"
    )
    says.class_ref = LOW
    page = await come_back(browser, says.answer())
    assert page.status_code == 200
    assert "mức xác thực cao hơn" in page.text


async def test_a_sign_in_that_was_asked_for_anew_has_to_be_new(world: World) -> None:
    browser = world.browser()
    says = await asked(world, browser, prompt="login")
    says.authn_instant = -3600
    assert (await come_back(browser, says.answer())).status_code == 400


@pytest.mark.parametrize("code", ["AuthnFailed", "NoAuthnContext", "RequestDenied"])
async def test_a_status_that_declines_is_a_page_with_another_way(world: World, code: str) -> None:
    browser = world.browser()
    says = await asked(world, browser)
    above = "urn:oasis:names:tc:SAML:2.0:status:"
    says.status = (
        f'<samlp:StatusCode Value="{above}Responder"><samlp:StatusCode Value="{above}{code}"/>'
        "</samlp:StatusCode><samlp:StatusMessage>&lt;b&gt;xin chào</samlp:StatusMessage>"
    )
    page = await come_back(browser, says.response(""))
    assert page.status_code == 400
    assert "Quý vị chưa đăng nhập" in page.text
    assert "xin chào" not in page.text


async def signed_in(world: World, session: str) -> tuple[Browser, str]:
    browser = world.browser()
    says = await asked(world, browser)
    says.session, says.assertion_id = session, f"_a-{session}"
    tokens = await tokens_of(world, await come_back(browser, says.answer()))
    return browser, str(tokens["access_token"])


async def test_a_session_that_ended_there_ends_here_and_in_every_system(world: World) -> None:
    browser, token = await signed_in(world, "s-1")
    other, other_token = await signed_in(world, "s-2")
    query = signed_query(logout_request(world.clock()))
    done = await world.http.get(f"{PLACE}/slo?{query}")
    assert done.status_code == 303
    assert done.headers["location"].startswith(f"{SLO}?SAMLResponse=")
    verify_query(
        parameters(urlsplit(done.headers["location"]).query), "SAMLResponse",
        await _certificates(world),
    )  # fmt: skip
    assert not await lives(world, browser, token)
    assert await lives(world, other, other_token), "another session of the same person"
    assert (await world.http.get(f"{PLACE}/slo?{query}")).status_code == 400, "taken once"


async def test_a_logout_that_names_no_session_ends_all_of_the_person(world: World) -> None:
    browser, token = await signed_in(world, "s-1")
    other, other_token = await signed_in(world, "s-2")
    xml = logout_request(world.clock(), session=None)
    assert (await world.http.get(f"{PLACE}/slo?{signed_query(xml)}")).status_code == 303
    assert not await lives(world, browser, token)
    assert not await lives(world, other, other_token)


async def test_a_logout_may_be_posted(world: World) -> None:
    import base64

    from tests.saml.messages import signed_xml
    from tests.saml_idp import KEY

    browser, token = await signed_in(world, "s-1")
    xml = signed_xml(logout_request(world.clock()), KEY, "_l1")
    data = {"SAMLRequest": base64.b64encode(xml.encode()).decode()}
    assert (await world.http.post(f"{PLACE}/slo", data=data)).status_code == 303
    assert not await lives(world, browser, token)


@pytest.mark.parametrize("change", ["unsigned", "other-key", "other-name", "other-issuer", "old"])
async def test_a_logout_that_is_not_right_ends_nothing(world: World, change: str) -> None:
    browser, token = await signed_in(world, "s-1")
    xml, key = logout_request(world.clock()), None
    match change:
        case "other-name":
            xml = logout_request(world.clock(), "p-18", None)
        case "other-issuer":
            xml = xml.replace("https://idp.test/metadata", "https://mail.test/metadata")
        case "old":
            xml = logout_request(world.clock() - 3600)
        case "other-key":
            key = FOREIGN
    query = signed_query(xml, key) if key else signed_query(xml)
    if change == "unsigned":
        query = query.partition("&")[0]
    await world.http.get(f"{PLACE}/slo?{query}")
    assert await lives(world, browser, token)
