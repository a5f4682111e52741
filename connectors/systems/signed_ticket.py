"""The signed one-time ticket, for web applications that were written before OpenID Connect.

A JWT under HS256 with the system's own secret, valid for a minute, carried by a form that the
browser posts: personal data never stands in an address. python-jose signs it, since the
applications that read it commonly use that library; here it only ever signs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jose import jwt

from connectors.contract import SignInResult
from connectors.errors import ReturnAddressRefused, StateRefused
from connectors.registry import System, TicketSettings

TICKET_SECONDS = 60
TICKET_TYP = "ticket+jwt"
LOGOUT_TYP = "logout-ticket+jwt"
FIELDS = ("ticket", "ticket_2")
"""Under the first secret, and under the second while one is replaced."""
MAX_STATE = 512


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


def verify_state(state: str | None) -> str | None:
    """The application's own value, fit to be carried: short printable ASCII, or none.

    Spec: RFC 6749 §4.1.1, Appendix A.5 (VSCHAR)
    Raises: StateRefused.
    """
    if state is None:
        return None
    if len(state) > MAX_STATE or not state.isascii() or not state.isprintable():
        raise StateRefused("not a state")
    return state


def ticket_form(
    system: System,
    result: SignInResult,
    claims: Mapping[str, object],
    *,
    issuer: str,
    now: int,
    jti: str,
    state: str | None,
) -> dict[str, str]:
    """The form that tells this system, and no other, who signed in.

    `state` is inside the signature: an application that compares it with its own cookie cannot
    be given a ticket that was made for another browser.

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
    if state is not None:
        payload["state"] = state
    return _form(system, payload, TICKET_TYP)


def logout_ticket_form(
    system: System, *, sub: str, sid: str, issuer: str, now: int, jti: str
) -> dict[str, str]:
    """The form that tells this system that a session has ended."""
    payload: dict[str, object] = {
        "iss": issuer,
        "aud": system.system_id,
        "sub": sub,
        "sid": sid,
        "iat": now,
        "exp": now + 2 * TICKET_SECONDS,
        "jti": jti,
    }
    return _form(system, payload, LOGOUT_TYP)


def _form(system: System, payload: dict[str, object], typ: str) -> dict[str, str]:
    """One field for each secret; with the same `jti`, so that only one of them is ever taken."""
    return {
        name: str(jwt.encode(payload, secret, algorithm="HS256", headers={"typ": typ}))
        for name, secret in zip(FIELDS, _settings(system).secrets, strict=False)
    }


def _settings(system: System) -> TicketSettings:
    if system.ticket is None:
        raise ReturnAddressRefused("the system does not speak this dialect")
    return system.ticket
