"""CAS questions as the sign-in journey knows them."""

from collections.abc import Iterable

from connectors.contract import Dialect, Prompt, SignInRequest
from connectors.mapping import required_claims
from connectors.registry import System
from connectors.systems.cas.ticket import CasTicket, digest_of_proxy
from idp.flows.notices import participant_of
from idp.model import Session
from keys.values import hot_value


def sign_in_request(system: System, prompts: frozenset[Prompt] = frozenset()) -> SignInRequest:
    """What a CAS system asks for: CAS has no scopes, so it is all that the system declares."""
    scopes = frozenset(rule.scope for rule in system.claims)
    return SignInRequest(
        dialect=Dialect.CAS,
        participant=participant_of(system),
        participant_name=system.name,
        system=system.system_id,
        sector=system.sector,
        required_assurance=system.required_assurance,
        when_unlinked=system.when_unlinked,
        consent=system.consent,
        releases=scopes,
        prompts=prompts,
        required_claims=required_claims(system.claims, scopes, frozenset()),
    )


def session_of(ticket: CasTicket, now: int) -> Session:
    """The session that the ticket came from, as the ticket remembers it.

    Why: the cookie is with the browser, and a service asks without it. Whether the session has
    ended is read from where ends are durable.
    """
    return Session(
        sid=ticket.sid,
        subject=ticket.subject,
        assurance=ticket.assurance,
        amr=(),
        authenticated_at=ticket.authenticated_at,
        created_at=ticket.authenticated_at,
        expires_at=ticket.session_expires_at,
        touched_at=now,
    )


@hot_value
class Proxy:
    """A registered call-back, and the system that may act by it."""

    url: str
    system: System


def proxies_of(systems: Iterable[System]) -> dict[bytes, Proxy]:
    """Every registered call-back by what tickets hold of it."""
    return {
        digest_of_proxy(url): Proxy(url=url, system=system)
        for system in systems
        for url in (system.cas.proxy_callbacks if system.cas else ())
    }
