"""The signed one-time ticket, for web applications that were written before OpenID Connect.

A JWT under HS256 with the system's own secret, valid for a minute, carried by a form that the
browser posts: personal data never stands in an address. python-jose signs it, since the
applications that read it commonly use that library; here it only ever signs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jose import jwt

from connectors.contract import SignInResult
from connectors.errors import ReturnAddressRefused
from connectors.registry import System, TicketSettings

TICKET_SECONDS = 60
TICKET_TYP = "ticket+jwt"
LOGOUT_TYP = "logout-ticket+jwt"


@dataclass(frozen=True, slots=True)
class VerifiedReturn:
    """The proof that an address was registered by the system; only this module makes one."""

    url: str


def verify_return(system: System, requested: str | None) -> VerifiedReturn:
    """The requested address is, byte for byte, a registered one; without one, the only one.

    Raises: ReturnAddressRefused.
    """
    urls = _settings(system).return_urls
    if requested is None and len(urls) == 1:
        return VerifiedReturn(urls[0])
    if requested is None or requested not in urls:
        raise ReturnAddressRefused("not a registered return address")
    return VerifiedReturn(requested)


def make_ticket(
    system: System,
    result: SignInResult,
    claims: Mapping[str, object],
    *,
    issuer: str,
    now: int,
    jti: str,
) -> str:
    """A ticket that tells this system, and no other, who signed in.

    Shape: compact JWS, HS256, `typ` ticket+jwt, `exp` 60 s ahead, `jti` to be accepted once.
    Spec: RFC 7519 §4.1, RFC 8725 §3.11
    """
    identity = result.identity
    payload: dict[str, object] = dict(claims)
    payload |= {
        "iss": issuer,
        "aud": system.system_id,
        "sub": identity.sub,
        "sid": result.session,
        "iat": now,
        "exp": now + TICKET_SECONDS,
        "jti": jti,
        "acr": identity.assurance.acr,
        "auth_time": identity.authenticated_at,
    }
    if result.account is not None:
        payload["local_account"] = result.account.account
    return _sign(system, payload, TICKET_TYP)


def make_logout_ticket(
    system: System, *, sub: str, sid: str, issuer: str, now: int, jti: str
) -> str:
    """A ticket that tells this system that a session has ended."""
    payload: dict[str, object] = {
        "iss": issuer,
        "aud": system.system_id,
        "sub": sub,
        "sid": sid,
        "iat": now,
        "exp": now + 2 * TICKET_SECONDS,
        "jti": jti,
    }
    return _sign(system, payload, LOGOUT_TYP)


def _sign(system: System, payload: dict[str, object], typ: str) -> str:
    secret = _settings(system).secret
    return str(jwt.encode(payload, secret, algorithm="HS256", headers={"typ": typ}))


def _settings(system: System) -> TicketSettings:
    if system.ticket is None:
        raise ReturnAddressRefused("the system does not speak this dialect")
    return system.ticket
