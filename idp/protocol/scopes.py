"""Scope tokens: what may be asked for, and what each client may have."""

from connectors.contract import ConsentRule, Prompt
from idp.errors import InvalidScope
from idp.model import Client, GrantType

OPENID = "openid"
OFFLINE = "offline_access"
KNOWN = frozenset(
    {
        OPENID,
        "profile",
        "email",
        "phone",
        "address",
        OFFLINE,
        "vn_identity",
        "vn_business",
        "vn_staff",
    }
)
MAX_TOKENS = 40
MAX_LENGTH = 1000


def read_scopes(text: str | None, client: Client, prompts: frozenset[Prompt]) -> frozenset[str]:
    """The scopes to grant: those asked for that we know and the client is registered for.

    A value that nobody knows is ignored; a known one that this client may not have is refused.
    `offline_access` outlives the session: it is ignored for a client that may not refresh, and
    where neither the person is asked about it nor the registration names it.

    Spec: RFC 6749 §3.3, OIDC Core §3.1.2.1, §11
    Raises: InvalidScope.
    """
    if text is None:
        raise InvalidScope("scope is required")
    tokens = text.split(" ") if len(text) <= MAX_LENGTH else []
    if not tokens or len(tokens) > MAX_TOKENS:
        raise InvalidScope("too many scopes")
    asked = KNOWN.intersection(tokens)
    agreed = (
        OFFLINE in client.scopes or client.consent is ConsentRule.ASK or Prompt.CONSENT in prompts
    )
    if GrantType.REFRESH_TOKEN not in client.grant_types or not agreed:
        asked -= {OFFLINE}
    allowed = client.scopes | {OFFLINE}
    if not asked <= allowed:
        raise InvalidScope("a scope is not registered for this client")
    if not asked:
        raise InvalidScope("none of the scopes is known")
    return asked


def narrow(granted: frozenset[str], text: str | None) -> frozenset[str]:
    """The scopes of a refreshed token: those granted, or a part of them.

    Spec: RFC 6749 §6
    Raises: InvalidScope.
    """
    if text is None:
        return granted
    asked = frozenset(text.split(" ")) - {""}
    if not asked or not asked <= granted:
        raise InvalidScope("a scope was not granted")
    return asked


def client_scopes(text: str | None, client: Client) -> frozenset[str]:
    """The scopes of a client acting for itself: never those that speak of a person.

    Spec: RFC 6749 §4.4.2
    Raises: InvalidScope.
    """
    own = client.scopes - KNOWN
    asked = frozenset(text.split(" ")) - {""} if text else own
    if not asked <= own:
        raise InvalidScope("a scope is not registered for this client")
    return asked


def wire(scopes: frozenset[str]) -> str:
    """Space-separated, in a stable order with `openid` first."""
    return " ".join(sorted(scopes, key=lambda scope: (scope != OPENID, scope)))
