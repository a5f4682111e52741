"""Where a browser may be sent back to. Only this module constructs a `VerifiedRedirect`."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from idp.errors import PageRefused
from idp.model import ApplicationType, Client

MAX_LENGTH = 2000
_LOOPBACK = ("http://127.0.0.1", "http://[::1]")


@dataclass(frozen=True, slots=True)
class VerifiedRedirect:
    """The proof that an address was registered by the client: an error may be sent there."""

    uri: str

    @property
    def separator(self) -> str:
        """What joins our parameters to the address."""
        return "&" if "?" in self.uri else "?"


def verify_redirect(client: Client, requested: str | None) -> VerifiedRedirect:
    """The requested address is, byte for byte, one that the client registered.

    Spec: RFC 9700 §2.1, OIDC Core §3.1.2.1, RFC 8252 §7.3
    Raises: PageRefused, which is never redirected.
    """
    if requested is None or len(requested) > MAX_LENGTH:
        raise PageRefused("redirect_uri_unknown")
    if requested in client.redirect_uris:
        return VerifiedRedirect(requested)
    if client.application_type is ApplicationType.NATIVE and _loopback_twin(client, requested):
        return VerifiedRedirect(requested)
    raise PageRefused("redirect_uri_unknown")


def verify_post_logout_redirect(client: Client, requested: str) -> VerifiedRedirect:
    """The same rule for the address after logout; no port exception.

    Spec: OIDC RP-Initiated Logout 1.0 §3
    Raises: PageRefused.
    """
    if requested in client.post_logout_redirect_uris:
        return VerifiedRedirect(requested)
    raise PageRefused("post_logout_redirect_uri_unknown")


def _loopback_twin(client: Client, requested: str) -> bool:
    """Whether only the port of a registered loopback address differs (RFC 8252 §7.3)."""
    for host in _LOOPBACK:
        if not requested.startswith(host + ":"):
            continue
        port, slash, path = requested[len(host) + 1 :].partition("/")
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
            return False
        without_port = host + slash + path
        return any(
            _without_port(registered) == without_port
            for registered in client.redirect_uris
            if registered.startswith(host)
        )
    return False


def _without_port(registered: str) -> str:
    parts = urlsplit(registered)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return registered.replace(parts.netloc, host or "", 1)
