"""What a proxy says about the request in front of it, and what a system asks for there."""

from connectors.contract import Dialect, SignInRequest
from connectors.errors import ReturnAddressRefused
from connectors.mapping import required_claims
from connectors.registry import System
from connectors.systems.forward_auth.hosts import ProtectedHost, ProtectedHosts, verify_host
from idp.errors import PageRefused
from idp.flows.notices import participant_of
from idp.web.http import HttpRequest

HOST, TARGET, METHOD = b"x-forwarded-host", b"x-forwarded-uri", b"x-forwarded-method"


def asked_for(system: System) -> SignInRequest:
    """What every sign-in to this system asks for."""
    scopes = frozenset(rule.scope for rule in system.claims)
    return SignInRequest(
        dialect=Dialect.FORWARD_AUTH,
        participant=participant_of(system),
        participant_name=system.name,
        system=system.system_id,
        sector=system.sector,
        required_assurance=system.required_assurance,
        when_unlinked=system.when_unlinked,
        consent=system.consent,
        releases=scopes,
        required_claims=required_claims(system.claims, scopes, frozenset()),
        admission=system.forward_auth.admission if system.forward_auth else None,
    )


def host_of(hosts: ProtectedHosts, request: HttpRequest) -> ProtectedHost:
    """The protected host that the proxy stands in front of.

    Why nobody is trusted here: whoever names another host than their own is answered with what
    their browser may do there, and holds no cookie for it.

    Raises: PageRefused.
    """
    try:
        return verify_host(hosts, _single(request, HOST) or _single(request, b"host"))
    except ReturnAddressRefused:
        raise PageRefused("client_unknown", detail="no such protected host") from None


def target_of(request: HttpRequest) -> str:
    """The request target as the browser sent it; nothing where it was told twice."""
    return _single(request, TARGET)


def method_of(request: HttpRequest) -> str:
    """The method of the browser's request; GET where the proxy does not say."""
    return _single(request, METHOD) or "GET"


def _single(request: HttpRequest, name: bytes) -> str:
    found = request.headers(name)
    return found[0].decode("latin-1") if len(found) == 1 else ""
