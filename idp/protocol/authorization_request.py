"""The authorization request: the whole list of checks, in order, on one screen."""

from collections.abc import Callable, Mapping
from dataclasses import field

import orjson

from connectors.contract import Assurance, Prompt
from idp.errors import (
    InvalidRequest,
    PageRefused,
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from idp.model import Client, ClientId, GrantType
from idp.protocol.claims_request import ClaimsRequest, lowest_assurance, parse_claims
from idp.protocol.form import Form
from idp.protocol.pkce import read_challenge
from idp.protocol.redirect_uri import VerifiedRedirect, verify_redirect
from idp.protocol.resource import check_resource
from idp.protocol.scopes import read_scopes
from keys.values import hot_value

MAX_STATE = 2048
MAX_NONCE = 512
"""As it is written in JSON: a code carries it, and what is sealed has an end (`MAX_HANDLE`)."""
MAX_HINT = 256
MAX_AGE_CAP_SECONDS = 10 * 365 * 86400
RESPONSE_MODES = ("query", "form_post")


@hot_value
class AuthorizationRequest:
    """A request of which every parameter has been checked."""

    client: Client
    redirect: VerifiedRedirect
    response_mode: str
    state: str | None
    nonce: str | None
    scopes: frozenset[str]
    code_challenge: str | None
    prompts: frozenset[Prompt]
    max_age_seconds: int | None
    required_assurance: Assurance
    claims: ClaimsRequest
    ui_locales: str | None
    login_hint: str | None = field(default=None, repr=False)
    id_token_hint: str | None = field(default=None, repr=False)


def resolve_client(form: Form, clients: Mapping[ClientId, Client]) -> Client:
    """The registered, enabled client. Before this and `resolve_redirect`, nothing may redirect.

    Spec: RFC 6749 §4.1.2.1
    Raises: PageRefused.
    """
    if "client_id" in form.repeated:
        raise PageRefused("client_unknown")
    client = clients.get(ClientId(form.get("client_id", "")))
    if client is None or client.disabled:
        raise PageRefused("client_unknown")
    return client


def resolve_redirect(form: Form, client: Client) -> VerifiedRedirect:
    """The verified return address, after which errors may be redirected.

    Spec: RFC 6749 §4.1.2.1
    Raises: PageRefused.
    """
    if "redirect_uri" in form.repeated:
        raise PageRefused("redirect_uri_unknown")
    return verify_redirect(client, form.get("redirect_uri"))


def response_mode_of(form: Form) -> str:
    """The mode an answer, or an error, is sent in; `query` where the one asked for is unknown.

    Spec: OAuth 2.0 Multiple Response Type Encoding Practices §2.1
    """
    mode = form.get("response_mode", "query")
    return mode if mode in RESPONSE_MODES else "query"


def check_request(form: Form, client: Client, redirect: VerifiedRedirect) -> AuthorizationRequest:
    """All checks after the return address, in this order; the first that fails is answered.

    Spec: RFC 6749 §4.1.1, OIDC Core §3.1.2.1, RFC 7636 §4.3
    Raises: OAuthError.
    """
    form.refuse_repeated()
    for check in _REFUSALS:
        check(form, client)
    claims, prompts = parse_claims(form.get("claims")), _prompts(form.get("prompt"))
    return AuthorizationRequest(
        client=client,
        redirect=redirect,
        response_mode=response_mode_of(form),
        scopes=read_scopes(form.get("scope"), client, prompts),
        code_challenge=read_challenge(
            form.get("code_challenge"),
            form.get("code_challenge_method"),
            required=client.pkce_required,
        ),
        state=_capped(form, "state", MAX_STATE),
        nonce=_nonce(form),
        prompts=prompts,
        max_age_seconds=_max_age(form.get("max_age")),
        required_assurance=_assurance(form, client, claims),
        claims=claims,
        ui_locales=_capped(form, "ui_locales", MAX_HINT),
        login_hint=_capped(form, "login_hint", MAX_HINT),
        id_token_hint=form.get("id_token_hint"),
    )


def _refuse_request_object(form: Form, _client: Client) -> None:
    if "request" in form:
        raise RequestNotSupported("request objects are not supported")


def _refuse_request_uri(form: Form, _client: Client) -> None:
    if "request_uri" in form:
        raise RequestUriNotSupported("request_uri is not supported")


def _refuse_registration(form: Form, _client: Client) -> None:
    if "registration" in form:
        raise RegistrationNotSupported("the registration parameter is not supported")


def _refuse_other_response_types(form: Form, _client: Client) -> None:
    response_type = form.get("response_type")
    if response_type is None:
        raise InvalidRequest("response_type is required")
    if response_type != "code":
        raise UnsupportedResponseType("the only response_type is code")


def _refuse_other_response_modes(form: Form, _client: Client) -> None:
    if form.get("response_mode", "query") not in RESPONSE_MODES:
        raise InvalidRequest("the response modes are query and form_post")


def _refuse_clients_without_the_grant(_form: Form, client: Client) -> None:
    if GrantType.AUTHORIZATION_CODE not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for the authorization code grant")


_REFUSALS: tuple[Callable[[Form, Client], None], ...] = (
    _refuse_request_object,
    _refuse_request_uri,
    _refuse_registration,
    _refuse_other_response_types,
    _refuse_other_response_modes,
    _refuse_clients_without_the_grant,
    check_resource,
)


def _capped(form: Form, name: str, limit: int) -> str | None:
    value = form.get(name)
    if value is not None and len(value) > limit:
        raise InvalidRequest(f"{name} is too long")
    return value


def _nonce(form: Form) -> str | None:
    nonce = _capped(form, "nonce", MAX_NONCE)
    if nonce is not None and len(orjson.dumps(nonce)) > MAX_NONCE + len('""'):
        raise InvalidRequest("nonce is too long")
    return nonce


def _prompts(text: str | None) -> frozenset[Prompt]:
    if text is None:
        return frozenset()
    try:
        prompts = frozenset(Prompt(word) for word in text.split(" ") if word)
    except ValueError:
        raise InvalidRequest("prompt has an unknown value") from None
    if Prompt.NONE in prompts and len(prompts) > 1:
        raise InvalidRequest("prompt=none stands alone")
    return prompts


def _max_age(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidRequest("max_age must be a number of seconds")
    return min(int(text), MAX_AGE_CAP_SECONDS)


def _assurance(form: Form, client: Client, claims: ClaimsRequest) -> Assurance:
    """The highest of what the registration, `acr_values` and an essential `acr` claim ask for."""
    acr_values = _capped(form, "acr_values", MAX_HINT)
    asked = lowest_assurance(acr_values.split(" ")) if acr_values else None
    required = client.required_assurance
    return max(required, asked or required, claims.acr or required)
