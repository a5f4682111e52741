"""/token, /userinfo, /introspect, /revoke: parse, call the flow, render."""

from idp.errors import InvalidClient
from idp.flows.client_authentication import ClientAuthentication
from idp.flows.token import TokenEndpoint
from idp.flows.token_state import TokenState
from idp.protocol.bearer import read_bearer
from idp.protocol.form import parse_form
from idp.web.answers import api, bearer_answer, open_to_browsers
from idp.web.http import Answer, Endpoint, HttpRequest, json_answer

AUTHORIZATION = b"authorization"


def token_endpoint(flow: TokenEndpoint) -> Endpoint:
    """Spec: RFC 6749 §3.2."""

    async def handle(request: HttpRequest) -> Answer:
        form = request.form()
        tokens = await flow.answer(
            request.headers(AUTHORIZATION), form, request.address, request.received_at
        )
        return json_answer(tokens.as_response())

    return open_to_browsers(api(handle, "POST"), "POST")


def userinfo_endpoint(flow: TokenState) -> Endpoint:
    """A body is looked into where it is a form; what else may be posted carries no token.

    Spec: OIDC Core §5.3, RFC 6750 §2.2
    Why: known clients post a bearer and an empty body, under whatever type their library writes.
    """

    async def handle(request: HttpRequest) -> Answer:
        body = request.form() if request.method == "POST" and request.holds_a_form else None
        token = read_bearer(request.headers(AUTHORIZATION), parse_form(request.query), body)
        return json_answer(await flow.userinfo(token, int(request.received_at)))

    endpoint = api(handle, "GET", "POST", refusal=bearer_answer)
    return open_to_browsers(endpoint, "GET", "POST")


def introspection_endpoint(flow: TokenState, authentication: ClientAuthentication) -> Endpoint:
    """Spec: RFC 7662 §2."""

    async def handle(request: HttpRequest) -> Answer:
        form, now = request.form(), int(request.received_at)
        proof = await authentication.authenticate(
            request.headers(AUTHORIZATION), form, request.address, now
        )
        if not proof.client.confidential:
            raise InvalidClient("a public client may not introspect")
        return json_answer(await flow.introspect(proof, form, now))

    return api(handle, "POST")


def revocation_endpoint(flow: TokenState, authentication: ClientAuthentication) -> Endpoint:
    """Spec: RFC 7009 §2."""

    async def handle(request: HttpRequest) -> Answer:
        form, now = request.form(), int(request.received_at)
        proof = await authentication.authenticate(
            request.headers(AUTHORIZATION), form, request.address, now
        )
        await flow.revoke(proof, form, now)
        return json_answer({})

    return open_to_browsers(api(handle, "POST"), "POST")
