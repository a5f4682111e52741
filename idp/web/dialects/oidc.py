"""OpenID Connect, and the dialects that have its shape: the authorization endpoint."""

from collections.abc import Mapping
from urllib.parse import quote_plus

from connectors.contract import Dialect, PairwiseSub, SignInRequest, SystemId, WhenUnlinked
from connectors.mapping import STANDARD_RULES, ClaimRule, required_claims, scopes_named
from connectors.registry import System
from idp.errors import LoginRequired, OAuthError, PageRefused
from idp.flows.id_token_hint import HintReader
from idp.flows.sign_in import SignIn
from idp.flows.tokens import TokenMint
from idp.model import Client, ClientId, Session, Standing
from idp.ports import Audit, Entropy
from idp.protocol.authorization_request import (
    AuthorizationRequest,
    check_request,
    resolve_client,
    resolve_redirect,
    response_mode_of,
)
from idp.protocol.form import Form, parse_form
from idp.protocol.handles import CODE_SECONDS, CodeGrant, new_family_id
from idp.protocol.next_step import Issue
from idp.protocol.redirect_uri import VerifiedRedirect
from idp.web.doors import AnsweredRefusal, Reading, origin_of
from idp.web.http import Answer, HttpRequest, Refusal, see_other
from idp.web.page_answers import PageAnswers
from idp.web.views import FormPostView
from keys.values import hot_value


@hot_value
class OidcReading(Reading):
    """An authorization request, checked once and carried to its answer."""

    form: Form
    client: Client
    redirect: VerifiedRedirect
    checked: AuthorizationRequest


class OidcDoor:
    """Reads authorization requests and answers them with codes."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        issuer: str,
        clients: Mapping[ClientId, Client],
        systems: Mapping[SystemId, System],
        hints: HintReader,
        mint: TokenMint,
        sign_in: SignIn,
        pages: PageAnswers,
        audit: Audit,
        entropy: Entropy,
    ) -> None:
        self.dialect = dialect
        self._issuer = issuer
        self._iss = "&iss=" + quote_plus(issuer)
        self._clients = _speaking(dialect, clients, systems)
        self._systems = systems
        self._required = _required_rules(self._clients, systems)
        self._hints = hints
        self._mint = mint
        self._sign_in = sign_in
        self._pages = pages
        self._audit = audit
        self._entropy = entropy

    def read(self, request: HttpRequest, raw: str, now: int) -> Reading:
        """See `Door.read`: client, then address, and only then what may be redirected."""
        try:
            form = parse_form(raw.encode())
        except OAuthError as error:
            raise PageRefused("invalid_request", detail=error.description) from None
        client = resolve_client(form, self._clients)
        redirect = resolve_redirect(form, client)
        try:
            checked = check_request(form, client, redirect)
            sign_in = self._sign_in_request(checked, now)
        except OAuthError as error:
            answer = self._send(
                request, client, redirect, form, _error(error), form.get("ui_locales")
            )
            raise AnsweredRefusal(answer.refused(_refusal(client, error))) from None
        return OidcReading(
            form=form,
            client=client,
            redirect=redirect,
            checked=checked,
            sign_in=sign_in,
            raw=raw,
            return_address=redirect.uri,
            ui_locales=checked.ui_locales,
            login_hint=checked.login_hint,
        )

    def _sign_in_request(self, checked: AuthorizationRequest, now: int) -> SignInRequest:
        client = checked.client
        hinted: str | None = checked.claims.sub
        if checked.id_token_hint is not None:
            hint = self._hints.read(checked.id_token_hint, now)
            if hint is None or hint.client.client_id != client.client_id:
                raise LoginRequired("id_token_hint is not a token of ours for this client")
            hinted = hint.sub
        system = self._systems[client.system] if client.system else None
        return SignInRequest(
            dialect=self.dialect,
            participant=client.client_id,
            participant_name=client.name,
            system=client.system,
            sector=client.sector,
            required_assurance=checked.required_assurance,
            when_unlinked=system.when_unlinked if system else WhenUnlinked.NOT_NEEDED,
            consent=client.consent,
            releases=checked.scopes | self._named(checked),
            prompts=checked.prompts,
            max_age_seconds=checked.max_age_seconds,
            required_claims=self._required_claims(checked),
            hinted_subject_sub=None if hinted is None else PairwiseSub(hinted),
        )

    def _required_claims(self, checked: AuthorizationRequest) -> frozenset[str]:
        rules = self._required.get(checked.client.client_id)
        if rules is None:
            return frozenset()
        return required_claims(
            rules, checked.scopes, checked.claims.id_token | checked.claims.userinfo
        )

    def _named(self, checked: AuthorizationRequest) -> frozenset[str]:
        """The scopes of claims asked for by name: the person is asked about these as well."""
        names = checked.claims.id_token | checked.claims.userinfo
        if not names:
            return frozenset()
        client = checked.client
        rules = self._systems[client.system].claims if client.system else STANDARD_RULES
        return scopes_named(rules, names) & client.scopes

    async def answer(
        self,
        request: HttpRequest,
        reading: Reading,
        session: Session,
        standing: Standing,
        issue: Issue,
        now: int,
    ) -> Answer:
        """See `Door.answer`: a code, with `state` and `iss`.

        Spec: RFC 6749 §4.1.2, RFC 9207 §2
        """
        del issue  # the local account is read again at userinfo, as it stands then
        own = _own(reading)
        client, checked = own.client, own.checked
        grant = CodeGrant(
            family_id=new_family_id(request.received_at, self._entropy(10)),
            subject=session.subject,
            sub=await self._sign_in.sub(reading.sign_in, standing, now),
            sid=session.sid,
            redirect_uri=own.redirect.uri,
            scopes=checked.scopes,
            claims_request=checked.claims.compact(),
            code_challenge=checked.code_challenge,
            nonce=checked.nonce,
            assurance=session.assurance,
            amr=session.amr,
            authenticated_at=session.authenticated_at,
            expires_at=now + CODE_SECONDS,
        )
        self._audit.record("code_issued", {"client": client.client_id, "sid": session.sid})
        fields = {"code": self._mint.code(grant, client)}
        return self._send(request, client, own.redirect, own.form, fields, own.ui_locales)

    def refuse(self, request: HttpRequest, reading: Reading, error: OAuthError) -> Answer:
        """See `Door.refuse`."""
        own = _own(reading)
        told = _error(error)
        answer = self._send(request, own.client, own.redirect, own.form, told, own.ui_locales)
        return answer.refused(_refusal(own.client, error))

    def _send(
        self,
        request: HttpRequest,
        client: Client,
        redirect: VerifiedRedirect,
        form: Form,
        fields: dict[str, str],
        ui_locales: str | None,
    ) -> Answer:
        """To the verified address, by query or by form."""
        if "state" in form and "state" not in form.repeated:
            fields["state"] = form["state"]
        if response_mode_of(form) == "query":
            query = "&".join([f"{name}={_escaped(value)}" for name, value in fields.items()])
            return see_other(redirect.uri + redirect.separator + query + self._iss)
        fields["iss"] = self._issuer
        nonce = self._pages.nonce()
        locale = self._pages.locale(request, ui_locales)
        view = FormPostView(
            locale=locale,
            nonce=nonce,
            target=redirect.uri,
            fields=fields,
            participant_name=client.name.for_locale(locale),
        )
        return self._pages.page(
            self._pages.pages.form_post(view), nonce, form_targets=(origin_of(redirect.uri),)
        )


def _speaking(
    dialect: Dialect, clients: Mapping[ClientId, Client], systems: Mapping[SystemId, System]
) -> dict[ClientId, Client]:
    """The clients of this dialect: that of their system, and OpenID Connect without one."""
    return {
        client.client_id: client
        for client in clients.values()
        if (systems[client.system].dialect if client.system else Dialect.OIDC) is dialect
    }


def _required_rules(
    clients: Mapping[ClientId, Client], systems: Mapping[SystemId, System]
) -> dict[ClientId, tuple[ClaimRule, ...]]:
    """The clients whose system requires anything that they may have; nearly none does."""
    found: dict[ClientId, tuple[ClaimRule, ...]] = {}
    for client in clients.values():
        declared = systems[client.system].claims if client.system else ()
        rules = tuple(rule for rule in declared if rule.required and rule.scope in client.scopes)
        if rules:
            found[client.client_id] = rules
    return found


def _escaped(value: str) -> str:
    """A value for a query. A handle and most states need no escaping: asking first is cheaper."""
    if value.isascii() and value.replace("_", "a").replace("-", "a").isalnum():
        return value
    return quote_plus(value)


def _own(reading: Reading) -> OidcReading:
    if isinstance(reading, OidcReading):
        return reading
    raise TypeError("a reading of another door")


def _error(error: OAuthError) -> dict[str, str]:
    return {"error": error.code, "error_description": error.description}


def _refusal(client: Client, error: OAuthError) -> Refusal:
    return Refusal(reason=error.code, client=client.client_id, detail=error.detail)
