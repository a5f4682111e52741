"""LogoutRequests as they are read, and the answer to one: the same on both sides."""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.door import instant, only, text_of, written
from connectors.saml.message import id_of
from connectors.saml.names import SAML, SAMLP, StatusCode
from connectors.saml.voice import Voice

FRESH_SECONDS = 300
SKEW_SECONDS = 60
MAX_SESSIONS = 50
"""How many sessions one request may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """A signed wish of a system that a session ends."""

    request_id: str
    name_id: str = field(repr=False)
    sessions: tuple[str, ...]
    expires_at: int
    """Until then its id has to be remembered."""


def read_logout_request(root: etree._Element, now: int) -> LogoutRequest:
    """What the request asks for, while it is fresh.

    Spec: SAML Core 2.0 §3.7.1; SAML Profiles 2.0 §4.4.4.1
    Raises: SamlRefused.
    """
    issued = instant(root.get("IssueInstant", ""))
    until = root.get("NotOnOrAfter")
    expires_at = issued + FRESH_SECONDS
    if until is not None:
        expires_at = min(expires_at, instant(until) + SKEW_SECONDS)
    if issued > now + SKEW_SECONDS or now >= expires_at:
        raise SamlRefused("the request is not of this time")
    name_id = only(root, SAML, "NameID")
    if name_id is None:
        raise SamlRefused("NameID is missing")
    sessions = root.findall(f"{{{SAMLP}}}SessionIndex")
    if len(sessions) > MAX_SESSIONS:
        raise SamlRefused("too many sessions are named")
    return LogoutRequest(
        request_id=id_of(root),
        name_id=text_of(name_id),
        sessions=tuple(text_of(node) for node in sessions),
        expires_at=expires_at,
    )


def logout_response(
    voice: Voice, *, to: str, request_id: str, response_id: str, now: int, known: bool
) -> str:
    """The answer to a LogoutRequest; the redirect binding signs it.

    Spec: SAML Core 2.0 §3.7.2
    """
    status = f'<samlp:StatusCode Value="{StatusCode.SUCCESS}"/>'
    if not known:
        status = (
            f'<samlp:StatusCode Value="{StatusCode.REQUESTER}"><samlp:StatusCode'
            f' Value="{StatusCode.UNKNOWN_PRINCIPAL}"/></samlp:StatusCode>'
        )
    return (
        f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{response_id}"'
        f' Version="2.0" IssueInstant="{written(now)}" Destination={quoteattr(to)}'
        f" InResponseTo={quoteattr(request_id)}><saml:Issuer>{escape(voice.entity_id)}"
        f"</saml:Issuer><samlp:Status>{status}</samlp:Status></samlp:LogoutResponse>"
    )
