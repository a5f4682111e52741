"""A SAML identity provider in a few lines: a test may bend every word of its answers."""

import base64
import re
import zlib
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from lxml import etree

from connectors.saml.encryption import encrypted_assertion
from connectors.saml.names import (
    BEARER,
    MD,
    POST_BINDING,
    REDIRECT_BINDING,
    RSA_SHA256,
    SAML,
    SAMLP,
)
from connectors.saml.signature import signed
from tests.fixtures_world import ISSUER, Browser, World
from tests.saml.messages import SpKey, instant
from tests.upstreams import leave

IDP = "https://idp.test/metadata"
SSO = "https://idp.test/sso"
SLO = "https://idp.test/slo"
KEY = SpKey()
FOREIGN = SpKey()
PLACE = "/upstream/staff"
ACS = f"{ISSUER}{PLACE}/acs"
ENTITY = f"{ISSUER}{PLACE}/metadata"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
HIGH = "https://refeds.org/profile/mfa"
LOW = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def idp_metadata(*, entity_id: str = IDP, key: SpKey = KEY, root: str = "", sso: str = SSO) -> str:
    held = base64.b64encode(key.der).decode()
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
        f' entityID="{entity_id}"{root}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:KeyDescriptor use="signing">'
        f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{held}</ds:X509Certificate></ds:X509Data>"
        f'</ds:KeyInfo></md:KeyDescriptor><md:SingleLogoutService Binding="{REDIRECT_BINDING}"'
        f' Location="{SLO}"/><md:SingleSignOnService Binding="{POST_BINDING}" Location="{sso}"/>'
        f'<md:SingleSignOnService Binding="{REDIRECT_BINDING}" Location="{sso}"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def saml_source(folder: Path, *, name: str = "staff", more: str = "", metadata: str = "") -> str:
    """The table of the source, its metadata and the key for encrypted assertions beside it."""
    (folder / f"{name}.xml").write_text(metadata or idp_metadata())
    return f"""
[sources.{name}]
preset = "saml"
name = {{ vi = "Cán bộ", en = "Staff" }}
metadata_file = "{name}.xml"
attributes = {{ full_name = "cn", email = "mail", personal_number = "pn" }}
account_kind = "staff"
assurance = {{ "{LOW}" = 1, "{HIGH}" = 2 }}
{more}
"""


@dataclass(kw_only=True)
class Says:
    """What an answer says. Everything is right until a test bends it."""

    now: float
    request_id: str
    issuer: str = IDP
    name_id: str = "p-17"
    name_format: str = PERSISTENT
    audience: str | None = ENTITY
    acs: str = ACS
    version: str = "2.0"
    not_before: float = 0
    not_on_or_after: float = 120
    confirmation_ends: float = 120
    class_ref: str = HIGH
    authn_instant: float = 0
    session: str = "s-1"
    status: str = f'<samlp:StatusCode Value="{SUCCESS}"/>'
    assertion_id: str = "_a1"
    response_id: str = "_r1"
    attributes: dict[str, str] = field(
        default_factory=lambda: {"cn": "Lê Thị An", "mail": "an@tinh.test"}
    )
    with_issuer: bool = True
    with_conditions: bool = True
    more: str = ""

    def assertion(self) -> str:
        issuer = f"<saml:Issuer>{self.issuer}</saml:Issuer>" if self.with_issuer else ""
        audience = (
            ""
            if self.audience is None
            else "<saml:AudienceRestriction><saml:Audience>"
            f"{self.audience}</saml:Audience></saml:AudienceRestriction>"
        )
        conditions = (
            f'<saml:Conditions NotBefore="{instant(self.now + self.not_before)}"'
            f' NotOnOrAfter="{instant(self.now + self.not_on_or_after)}">{audience}'
            "</saml:Conditions>"
        )
        told = "".join(
            f'<saml:Attribute Name="{name}"><saml:AttributeValue>{escape(value)}'
            "</saml:AttributeValue></saml:Attribute>"
            for name, value in self.attributes.items()
        )
        return (
            f'<saml:Assertion xmlns:saml="{SAML}" ID="{self.assertion_id}" Version="{self.version}"'
            f' IssueInstant="{instant(self.now)}">{issuer}<saml:Subject>'
            f'<saml:NameID Format="{self.name_format}">{self.name_id}</saml:NameID>'
            f'<saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData'
            f' NotOnOrAfter="{instant(self.now + self.confirmation_ends)}" Recipient="{self.acs}"'
            f' InResponseTo="{self.request_id}"/></saml:SubjectConfirmation></saml:Subject>'
            f"{conditions if self.with_conditions else ''}"
            f'<saml:AuthnStatement AuthnInstant="{instant(self.now + self.authn_instant)}"'
            f' SessionIndex="{self.session}"><saml:AuthnContext><saml:AuthnContextClassRef>'
            f"{self.class_ref}</saml:AuthnContextClassRef></saml:AuthnContext>"
            f"</saml:AuthnStatement><saml:AttributeStatement>{told}</saml:AttributeStatement>"
            f"{self.more}</saml:Assertion>"
        )

    def signed_assertion(self, key: SpKey = KEY) -> str:
        return signed(self.assertion(), self.assertion_id, key, key.der)

    def response(self, content: str) -> str:
        return (
            f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{self.response_id}"'
            f' Version="{self.version}" IssueInstant="{instant(self.now)}"'
            f' Destination="{self.acs}" InResponseTo="{self.request_id}">'
            f"<saml:Issuer>{self.issuer}</saml:Issuer>"
            f"<samlp:Status>{self.status}</samlp:Status>{content}</samlp:Response>"
        )

    def answer(self) -> str:
        """As identity providers do by default: a signed assertion."""
        return self.response(self.signed_assertion())

    def whole(self, content: str | None = None, key: SpKey = KEY) -> str:
        """The response signed as a whole."""
        xml = self.response(self.assertion() if content is None else content)
        return signed(xml, self.response_id, key, key.der)

    def encrypted(self, certificate: bytes, *, sign: bool = True) -> str:
        inside = self.signed_assertion() if sign else self.assertion()
        return encrypted_assertion(inside, certificate, bytes(range(44)))


def request_in(address: str) -> etree._Element:
    """The AuthnRequest that an address carries."""
    packed = base64.b64decode(parse_qs(urlsplit(address).query)["SAMLRequest"][0])
    return etree.fromstring(zlib.decompress(packed, -15))


async def asked(
    world: World, browser: Browser, source: str = "staff", **changes: str | None
) -> Says:
    """A browser goes to the source; what a right answer to its request says."""
    request = request_in(await leave(browser, source, **changes))
    return Says(now=world.clock(), request_id=request.get("ID", ""))


async def bring(
    browser: Browser, xml: str | bytes, *, source: str = "staff", relay_state: str | None = None
) -> httpx.Response:
    """What the source's form brings: posted from another site, so without our cookies."""
    octets = xml.encode() if isinstance(xml, str) else xml
    data = {"SAMLResponse": base64.b64encode(octets).decode()}
    if relay_state is not None:
        data["RelayState"] = relay_state
    request = browser.http.build_request("POST", f"/upstream/{source}/acs", data=data)
    request.headers.pop("cookie", None)
    return await browser.http.send(request)


async def post_on(browser: Browser, page: httpx.Response) -> httpx.Response:
    """The page posts on to ourselves; the browser is led on to the end."""
    action = re.search(r'<form method="post" action="(/[^"]+)"', page.text)
    value = re.search(r'name="SAMLResponse" value="([^"]*)"', page.text)
    assert action, page.text[:500]
    assert value
    response = await browser.http.post(action[1], data={"SAMLResponse": unescape(value[1])})
    if "refresh" not in response.headers:
        return response
    target = response.headers["refresh"].partition("url=")[2]
    if not target.startswith(("/", ISSUER)):
        return httpx.Response(303, headers={"location": target})
    return await browser.follow(await browser.http.get(target.removeprefix(ISSUER)))


def twin_of(world: World, browser: Browser) -> Browser:
    """Another tab: the same cookies as they are now."""
    twin = world.browser()
    twin.http.cookies.update(browser.http.cookies)
    return twin


async def come_back(browser: Browser, xml: str | bytes, **how: str) -> httpx.Response:
    return await post_on(browser, await bring(browser, xml, **how))


def logout_request(
    now: float, name_id: str = "p-17", session: str | None = "s-1", *, request_id: str = "_l1"
) -> str:
    index = "" if session is None else f"<samlp:SessionIndex>{session}</samlp:SessionIndex>"
    return (
        f'<samlp:LogoutRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{request_id}"'
        f' Version="2.0" IssueInstant="{instant(now)}" Destination="{ISSUER}{PLACE}/slo">'
        f"<saml:Issuer>{IDP}</saml:Issuer><saml:NameID>{name_id}</saml:NameID>{index}"
        "</samlp:LogoutRequest>"
    )


def signed_query(xml: str, key: SpKey = KEY) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(xml.encode()) + packer.flush()
    query = f"SAMLRequest={quote(base64.b64encode(packed), safe='')}"
    query += f"&SigAlg={quote(RSA_SHA256, safe='')}"
    return f"{query}&Signature={quote(base64.b64encode(key.octets(query.encode())), safe='')}"
