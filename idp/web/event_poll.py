"""POST /ssf/poll: a system fetches its security event tokens, as a client of ours.

Spec: RFC 8936 §2, §4 (the receiver is authenticated), RFC 6750 §2.1
"""

from collections.abc import Mapping

from connectors.registry import EventsPoll, System
from idp.errors import InsufficientScope, InvalidRequest, InvalidToken
from idp.flows.client_tokens import ClientTokens
from idp.flows.event_poll import EventPoll
from idp.model import ClientId
from idp.protocol.bearer import read_bearer
from idp.protocol.event_poll import read_poll
from idp.protocol.form import parse_form
from idp.web.answers import api, bearer_answer
from idp.web.http import Answer, Endpoint, HttpRequest, json_answer

POLL_PATH = "/ssf/poll"


def poll_endpoint(
    flow: EventPoll, tokens: ClientTokens, systems: Mapping[ClientId, System]
) -> Endpoint:
    """`systems` by the client that fetches for each: whose token it is decides whose events."""

    async def handle(request: HttpRequest) -> Answer:
        token = read_bearer(request.headers(b"authorization"), parse_form(request.query), None)
        try:
            client = await tokens.client(token, int(request.received_at))
        except InvalidToken:
            await tokens.count_failure(request.address)
            raise
        system = systems.get(client.client_id)
        if system is None or not isinstance(system.push, EventsPoll):
            detail = "this client fetches no events"
            raise InsufficientScope(detail, client=client.client_id)
        kind = request.header(b"content-type").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise InvalidRequest("the body must be application/json", client=client.client_id)
        fetched = await flow.answer(
            system.system_id, system.push.audience, read_poll(request.body())
        )
        more = {"moreAvailable": True} if fetched.more else {}
        return json_answer({"sets": dict(fetched.sets), **more})

    return api(handle, "POST", refusal=bearer_answer)
