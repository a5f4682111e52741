"""What /logout was asked for, checked; and where its page is found again in the other language."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from connectors.contract import LOCALES, Locale
from connectors.systems.cas.service import VerifiedService
from idp.errors import PageRefused
from idp.flows.id_token_hint import Hint, HintReader
from idp.model import Client, ClientId
from idp.protocol.form import Form
from idp.protocol.languages import named
from idp.protocol.redirect_uri import VerifiedRedirect, verify_post_logout_redirect

LOGOUT_PATH = "/logout"
CAS_LOGOUT_PATH = "/cas/logout"
MAX_STATE = 3072
"""Escaped, as it stands in the address that the confirmation carries."""
MAX_LOCALES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """One request for a logout."""

    hint: Hint | None = None
    client: Client | None = None
    redirect: VerifiedRedirect | None = None
    state: str | None = None
    ui_locales: str | None = None
    chosen: Locale | None = None
    """The language whose link was followed."""
    service: VerifiedService | None = None
    """Where a CAS service wants the browser afterwards; it stands alone, without a client."""
    told: str = ""
    """Which participants an earlier page named, sealed by us."""

    def location(self) -> str | None:
        """Where to send the browser afterwards."""
        if self.service is not None:
            return self.service.url
        if self.redirect is None:
            return None
        if self.state is None:
            return self.redirect.uri
        return self.redirect.uri + self.redirect.separator + urlencode({"state": self.state})

    def links(self, told: str = "") -> dict[str, str]:
        """The page of this request, by language.

        Why: made of what was verified, never of what was sent. The hint stays behind: a language
        must not end a session.
        """
        asked: dict[str, str] = {}
        if self.service is not None:
            asked["service"] = self.service.url
            return {
                lang: f"{CAS_LOGOUT_PATH}?{urlencode(asked | {'lang': lang})}" for lang in LOCALES
            }
        if self.client is not None and self.redirect is not None:
            asked["client_id"] = self.client.client_id
            asked["post_logout_redirect_uri"] = self.redirect.uri
            if self.state is not None:
                asked["state"] = self.state
        if told:
            asked["told"] = told
        return {lang: f"{LOGOUT_PATH}?{urlencode(asked | {'lang': lang})}" for lang in LOCALES}


def read_logout(
    form: Form, clients: Mapping[ClientId, Client], hints: HintReader, now: int
) -> LogoutRequest:
    """Everything that was sent, checked; an unregistered address stops here.

    Why: an address counts only together with a token of ours; a client id alone names a
    client, but proves nothing.

    Raises: PageRefused.
    """
    form.refuse_repeated()
    hint = hints.read(form.get("id_token_hint"), now)
    client_named = clients.get(ClientId(form.get("client_id", "")))
    if hint is not None and "client_id" in form and client_named != hint.client:
        raise PageRefused("invalid_request", detail="client_id differs from id_token_hint")
    client = hint.client if hint else client_named
    address, redirect = form.get("post_logout_redirect_uri"), None
    if address is not None and (client is not None or "id_token_hint" not in form):
        if client is None:
            raise PageRefused("post_logout_redirect_uri_unknown")
        redirect = verify_post_logout_redirect(client, address)
    if hint is None and "id_token_hint" in form:
        redirect = None
    state, ui_locales = form.get("state"), form.get("ui_locales", "")
    chosen = named(form.get("lang"))
    short = ui_locales.isascii() and len(ui_locales) <= MAX_LOCALES
    return LogoutRequest(
        hint=hint,
        client=client,
        redirect=redirect,
        state=state if state and len(quote_plus(state)) <= MAX_STATE else None,
        ui_locales=chosen or (ui_locales if short else None),
        chosen=chosen,
        told=form.get("told", ""),
    )
