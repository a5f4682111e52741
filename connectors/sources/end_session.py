"""Signing out at the source as well: where the browser goes for it. Pure."""

from enum import StrEnum
from urllib.parse import quote, urlencode


class UpstreamLogout(StrEnum):
    """What becomes of the session above when the person ends ours."""

    NEVER = "never"
    OFFER = "offer"
    ALWAYS = "always"


def end_session_url(endpoint: str, client_id: str, back: str, state: str) -> str:
    """Where a person signs out at a source, and comes back from.

    Spec: OIDC RP-Initiated Logout 1.0 §2 (`client_id` in place of `id_token_hint`), §3
    """
    query = {"client_id": client_id, "post_logout_redirect_uri": back}
    if state:
        query["state"] = state
    joint = "&" if "?" in endpoint else "?"
    return f"{endpoint}{joint}{urlencode(query, quote_via=quote)}"
