"""Group S of the adversarial cases, as far as it reaches an identity provider."""

import base64
import random
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from connectors.errors import SamlRefused
from connectors.saml.door import MAX_MESSAGE, read_xml, text_of
from connectors.saml.names import DS, RSA_SHA256, SAMLP, SOAP
from connectors.saml.signature import verified
from connectors.systems.saml.metadata import read_sp_metadata
from idp.config import ConfigurationRefused, load_settings
from tests.fixtures_world import ENVIRONMENT, World, write_config
from tests.saml.messages import (
    ACS,
    OTHER_KEY,
    SP,
    SP_KEY,
    SpKey,
    authn_request,
    saml_system,
    signed_query,
    signed_xml,
    sp_metadata,
    unsigned_query,
)

NOW = 1_790_000_000
REQUEST = f"{{{SAMLP}}}AuthnRequest"
DOCTYPES = {
    "doctype": "<!DOCTYPE x>{}",
    "file": '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{}',
    "url": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:9/">]>{}',
    "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;]>{}',
    "laughs": '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>{}',
    "lower-case": "<!doctype x>{}",
}


@pytest.mark.parametrize("shape", DOCTYPES.values(), ids=[f"S06-{name}" for name in DOCTYPES])
@pytest.mark.parametrize("read", [read_xml, lambda raw: read_sp_metadata(raw)])
def test_what_declares_anything_is_refused_before_it_is_parsed(
    shape: str, read: Callable[[bytes], object]
) -> None:
    with pytest.raises(SamlRefused, match="declares"):
        read(shape.format(authn_request(NOW)).encode())


def test_an_inclusion_is_only_an_element_s06_xinclude() -> None:
    content = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
    root = read_xml(authn_request(NOW, content=content).encode())
    assert b"root:" not in b"".join(str(node.text).encode() for node in root.iter())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("admin<!-- -->evil", id="S05-comment"),
        pytest.param("admin<?x y?>evil", id="S05-instruction"),
        pytest.param("admin&e;evil", id="S05-entity"),
    ],
)
def test_a_text_that_is_split_is_refused(name: str) -> None:
    with pytest.raises(SamlRefused):
        read_xml(authn_request(NOW, issuer=name).encode())


def test_a_text_is_whole_or_an_error_s05_cdata() -> None:
    root = read_xml(authn_request(NOW, issuer="admin<![CDATA[.evil]]>.test").encode())
    assert text_of(root[0]) == "admin.evil.test"
    with pytest.raises(SamlRefused):
        text_of(root)


def test_a_zero_width_character_makes_another_name_s05_zero_width() -> None:
    root = read_xml(authn_request(NOW, issuer=f"{SP}\u200b").encode())
    assert text_of(root[0]) != SP


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"<a xmlns='relative'/>", id="S08-relative-namespace"),
        pytest.param("<a/>".encode("utf-16"), id="S21-utf-16"),
        pytest.param(b"<a>\0</a>", id="S21-nul"),
        pytest.param(b"<?xml version='1.0' encoding='utf-7'?><a/>", id="S21-other-encoding"),
        pytest.param(b"<a>" * 41 + b"</a>" * 41, id="S06-deep"),
        pytest.param(b"<a>" + b"<b/>" * 5001 + b"</a>", id="S06-wide"),
        pytest.param(b"<a>" + b" " * MAX_MESSAGE + b"</a>", id="S06-large"),
        pytest.param(b"<a/><!-- x -->", id="S05-comment-after"),
        pytest.param(b"", id="S21-empty"),
    ],
)
def test_what_no_message_is_does_not_come_in(raw: bytes) -> None:
    with pytest.raises(SamlRefused):
        read_xml(raw)


def _replaced(old: str, new: str) -> Callable[[str], str]:
    def change(xml: str) -> str:
        assert old in xml
        return xml.replace(old, new)

    return change


def _nested(xml: str) -> str:
    return authn_request(NOW, issuer="https://evil.test", content=xml, request_id="_evil")


def _wrapped(xml: str, where: str) -> str:
    """The forged message outside, the signed one below an element that nobody looks into."""
    inside = f"<samlp:{where}>{xml}</samlp:{where}>"
    return authn_request(NOW, content=inside, request_id="_evil")


def _swapped(xml: str) -> str:
    """The signature on the forged message, over the original in its ds:Object."""
    before, opening, rest = xml.partition("<ds:Signature ")
    signature, closing, after = rest.partition("</ds:Signature>")
    original = before + after
    forged = before.replace("_r1", "_evil").replace(ACS, "https://evil.test/acs")
    held = f"<ds:Object>{original}</ds:Object>{closing}"
    return forged + opening + signature + held + after


def _without_value(xml: str) -> str:
    before, _, rest = xml.partition("<ds:Signature ")
    return before + f'<ds:Signature xmlns:ds="{DS}"/>' + rest.partition("</ds:Signature>")[2]


MUTATED: dict[str, Callable[[str], str]] = {
    "S10-sha1": _replaced(RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
    "S10-hmac": _replaced(RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
    "S10-xslt": _replaced(
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
    ),
    "S10-xpath": _replaced(
        "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
    ),
    "S08-unknown-c14n": _replaced(
        '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">',
        '<ds:CanonicalizationMethod Algorithm="urn:none">',
    ),
    "S08-empty-digest": _replaced('URI="#_r1"', 'URI=""'),
    "S10-other-content": _replaced(ACS, "https://evil.test/acs"),
    "S10-md5": _replaced(RSA_SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"),
    "S01-empty-signature": _without_value,
    "S03-extensions": lambda xml: _wrapped(xml, "Extensions"),
    "S03-status-detail": lambda xml: _wrapped(xml, "StatusDetail"),
    "S03-object": _swapped,
    "S03-soap-header": lambda xml: f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{xml}</s:Header></s:Envelope>',
    "S04-two-signed": lambda xml: f'<x:L xmlns:x="urn:x">{xml}{xml.replace("_r1", "_r2")}</x:L>',
    "S04-forged-before": lambda xml: f'<x:L xmlns:x="urn:x">{authn_request(NOW, request_id="_e")}{xml}</x:L>',
    "S04-forged-after": lambda xml: f'<x:L xmlns:x="urn:x">{xml}{authn_request(NOW, request_id="_e")}</x:L>',
    "S10-nested": _nested,
    "S10-doubled": lambda xml: xml.replace("</samlp:AuthnRequest>", xml + "</samlp:AuthnRequest>"),
    "S21-wrong-root": _replaced("samlp:AuthnRequest", "samlp:LogoutRequest"),
    "S10-id-twice": _replaced("<saml:Issuer>", '<saml:Issuer ID="_r1">'),
}  # fmt: skip


@pytest.mark.parametrize("change", MUTATED.values(), ids=MUTATED)
def test_a_signed_message_that_was_changed_is_refused(change: Callable[[str], str]) -> None:
    xml = signed_xml(authn_request(NOW))
    assert verified(xml.encode(), [SP_KEY.der], REQUEST).get("ID") == "_r1"
    with pytest.raises(SamlRefused):
        verified(change(xml).encode(), [SP_KEY.der], REQUEST)


def test_the_key_inside_a_message_counts_for_nothing_s10_key_info() -> None:
    xml = signed_xml(authn_request(NOW), OTHER_KEY)
    with pytest.raises(SamlRefused):
        verified(xml.encode(), [SP_KEY.der], REQUEST)


def test_a_short_key_cannot_be_registered_s10_rsa_1024() -> None:
    with pytest.raises(SamlRefused, match="2048"):
        read_sp_metadata(sp_metadata(key=SpKey(1024)).encode())


def test_ten_thousand_mutated_messages_never_come_in_s21_bit_flips() -> None:
    dice = random.Random(21)
    whole = signed_xml(authn_request(NOW)).encode()
    meant = verified(whole, [SP_KEY.der], REQUEST)
    content = [(node.tag, dict(node.attrib), node.text) for node in meant.iter()]
    for _ in range(10_000):
        raw = bytearray(whole)
        match dice.randrange(3):
            case 0:
                raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
            case 1:
                del raw[dice.randrange(len(raw)) :]
            case _:
                at = dice.randrange(len(raw))
                del raw[at : at + dice.randrange(1, 40)]
        try:
            found = verified(bytes(raw), [SP_KEY.der], REQUEST)
        except SamlRefused:
            continue
        # What is outside the signature may change; what comes out is what was signed.
        assert [(node.tag, dict(node.attrib), node.text) for node in found.iter()] == content


def _acs(attributes: str) -> str:
    return authn_request(time.time(), attributes=attributes)


WRONG_ADDRESSES = {
    "S15-other-url": lambda: _acs(' AssertionConsumerServiceURL="https://evil.test/acs"'),
    "S15-prefix": lambda: _acs(f' AssertionConsumerServiceURL="{ACS}/../evil"'),
    "S15-index-99": lambda: _acs(' AssertionConsumerServiceIndex="99"'),
    "S15-javascript": lambda: _acs(' AssertionConsumerServiceURL="javascript:alert(1)"'),
    "S15-unknown-issuer": lambda: authn_request(time.time(), issuer="https://nobody.test"),
    "S15-other-binding": lambda: _acs(
        ' ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP"'
    ),
    "S15-url-and-index": lambda: _acs(
        f' AssertionConsumerServiceURL="{ACS}" AssertionConsumerServiceIndex="0"'
    ),
}


@pytest.mark.parametrize("make", WRONG_ADDRESSES.values(), ids=WRONG_ADDRESSES)
async def test_an_address_that_is_not_registered_gets_a_page_and_no_form(
    school: World,
    make: Callable[[], str],
) -> None:
    browser = school.browser()
    await browser.code(school.alice)
    for query in (signed_query(make()), unsigned_query(make())):
        response = await browser.http.get(f"/saml/sso?{query}")
        assert response.status_code == 400
        assert "SAMLResponse" not in response.text


def _parts(query: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in query.split("&"))


def _joined(parts: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in parts.items())


def _re_encoded(query: str) -> str:
    return query.replace("%2F", "%2f").replace("%3D", "%3d").replace("%2B", "%2b")


SIGNED = {
    "S16-re-encoded": _re_encoded,
    "S16-doubled": lambda query: query + "&" + query.partition("&")[0],
    "S16-request-and-response": lambda query: query + "&SAMLResponse=x",
    "S16-algorithm-swapped": lambda query: query.replace("rsa-sha256", "rsa-sha512"),
    "S16-sha1": lambda query: query.replace(
        quote(RSA_SHA256, safe=""), quote("http://www.w3.org/2000/09/xmldsig#rsa-sha1", safe="")
    ),
    "S16-other-relay-state": lambda query: query.replace("RelayState=rs-1", "RelayState=rs-2"),
    "S16-relay-state-gone": lambda query: query.replace("&RelayState=rs-1", ""),
    "S16-signature-gone": lambda query: query.partition("&SigAlg")[0],
    "S16-algorithm-alone": lambda query: query.partition("&Signature")[0],
    "S16-escaped-name": lambda query: query + "&RelaySt%61te=x",
    "S18-long-relay-state": lambda query: query.replace("rs-1", "x" * 1025),
}


@pytest.mark.parametrize("change", SIGNED.values(), ids=SIGNED)
async def test_a_signed_query_is_taken_as_it_was_signed(
    school: World,
    change: Callable[[str], str],
) -> None:
    browser = school.browser()
    await browser.code(school.alice)
    query = signed_query(authn_request(school.clock.now))
    assert (await browser.http.get(f"/saml/sso?{query}")).status_code == 200
    response = await browser.http.get(f"/saml/sso?{change(query)}")
    assert response.status_code == 400
    assert "SAMLResponse" not in response.text


async def test_the_order_of_parameters_is_ours_s16_re_ordered(school: World) -> None:
    browser = school.browser()
    await browser.code(school.alice)
    query = signed_query(authn_request(school.clock.now))
    turned = "&".join(reversed(query.split("&")))
    # The signature covers a fixed order, so another order in the address is the same message; a
    # signature over another order is none.
    assert (await browser.http.get(f"/saml/sso?{turned}")).status_code == 200
    octets = "&".join(query.split("&")[1::-1]) + f"&SigAlg={quote(RSA_SHA256, safe='')}"
    value = quote(base64.b64encode(SP_KEY.octets(octets.encode())), safe="")
    other = await browser.http.get(f"/saml/sso?{octets}&Signature={value}")
    assert other.status_code == 400


METADATA = {
    "S20-wrong-signature": (
        lambda: signed_xml(sp_metadata(root=' ID="_m"').replace("_r1", "_m")), "metadata"
    ),
    "S20-unknown-use": (lambda: sp_metadata(use="both"), "use that nobody knows"),
    "S20-xxe": (lambda: '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + sp_metadata(), "declares"),
    "S20-javascript": (lambda: sp_metadata().replace("https://school.test/acs", "javascript:x"), "http or https"),
    "S20-internal-host": (lambda: sp_metadata().replace("https://school.test/soap", "http://169.254.169.254/"), "address"),
}  # fmt: skip


@pytest.mark.parametrize("case", METADATA)
def test_metadata_that_is_not_right_stops_the_start(case: str, tmp_path: Path) -> None:
    config = write_config(tmp_path, "sqlite:///x")
    (tmp_path / "sp.xml").write_text(METADATA[case][0]())
    more = ""
    if case == "S20-wrong-signature":
        (tmp_path / "federation.pem").write_bytes(OTHER_KEY.pem)
        more = f', metadata_certificate_file = "{tmp_path}/federation.pem"'
    text = config.read_text("utf-8") + saml_system(tmp_path / "sp.xml", more=more)
    config.write_text(text, "utf-8")
    with pytest.raises(ConfigurationRefused) as told:
        load_settings(config, ENVIRONMENT)
    problems = str(told.value.problems)
    assert METADATA[case][1] in problems
    assert "school" in problems


def test_an_entity_id_belongs_to_one_system_s20_entity_id_of_another(tmp_path: Path) -> None:
    config = write_config(tmp_path, "sqlite:///x")
    (tmp_path / "sp.xml").write_text(sp_metadata())
    systems = saml_system(tmp_path / "sp.xml") + saml_system(tmp_path / "sp.xml", "second")
    config.write_text(config.read_text("utf-8") + systems, "utf-8")
    with pytest.raises(ConfigurationRefused) as told:
        load_settings(config, ENVIRONMENT)
    assert "no other system has" in str(told.value.problems)


async def test_nonsense_at_both_doors_is_a_page_and_no_session(school: World) -> None:
    dice = random.Random(4)
    browser = school.browser()
    query = signed_query(authn_request(school.clock.now))
    for number in range(150):
        raw = bytearray(query.encode())
        for _ in range(1 + number % 3):
            raw[dice.randrange(12, len(raw))] = dice.choice(b"ABCxyz019%+=&")
        path = "/saml/sso" if number % 2 else "/saml/slo"
        response = await browser.http.get(f"{path}?{raw.decode()}")
        assert response.status_code in (303, 400)
        if response.status_code == 303:
            assert raw.decode() == query or response.headers["location"].startswith("/sign-in")
    assert "se" not in browser.http.cookies
