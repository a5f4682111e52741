"""`/scim/v2`: HTTP in and out. Who asks is proven first; then the desk answers.

Spec: RFC 7644 §2, §3.1, §3.8
"""

import orjson
from scim2_models import InvalidSyntaxException

from idp.errors import InvalidRequest
from idp.protocol.form import parse_form
from idp.scim.authentication import ConnectorAuthentication
from idp.scim.bounds import Json, bounded
from idp.scim.desk import Ask, Desk
from idp.scim.errors import FAULTS, HEADERS, Refused, refused_answer
from idp.scim.outcome import Outcome
from idp.scim.shelf import ROOT
from idp.web.http import Answer, Header, HttpRequest, Refusal

MEDIA_TYPES = (b"application/scim+json", b"application/json")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
PLACES = frozenset({"Users", "Groups", "Bulk", "ServiceProviderConfig", "ResourceTypes", "Schemas"})


class ScimEndpoint:
    """An `Endpoint` for every path below `/scim/v2`."""

    def __init__(self, authentication: ConnectorAuthentication, desk: Desk) -> None:
        self._authentication = authentication
        self._desk = desk

    async def __call__(self, request: HttpRequest) -> Answer:
        """The answer; refusals have the shape of SCIM."""
        parts = request.path.removeprefix(ROOT).strip("/").split("/")
        # The audit names the place alone: an id or a name in the path is input.
        request.path = f"{ROOT}/{parts[0]}" if parts[0] in PLACES else ROOT
        client = ""
        try:
            now = int(request.received_at)
            proven = await self._authentication.authenticate(request, now)
            client = f"scim:{proven.connector.connector_id}"
            ask = Ask(
                method=request.method,
                parts=parts,
                query=_query(request),
                payload=_payload(request) if request.method in WITH_BODY else None,
                if_match=_condition(request, b"if-match"),
                if_none_match=_condition(request, b"if-none-match"),
            )
            return _answer(await self._desk.answer(proven.connector, ask, now), client)
        except FAULTS as fault:
            return _of_connector(refused_answer(fault), client)


def _query(request: HttpRequest) -> dict[str, str]:
    try:
        return dict(parse_form(request.query))
    except InvalidRequest:
        raise InvalidSyntaxException from None


def _payload(request: HttpRequest) -> Json:
    """The body as JSON, bounded.

    Raises: SCIMException.
    """
    if request.content is None:
        raise Refused(413)
    kind = request.header(b"content-type").partition(b";")[0].strip().lower()
    if kind not in MEDIA_TYPES and request.content:
        raise Refused(415)
    try:
        return bounded(orjson.loads(request.content or b"null"))
    except orjson.JSONDecodeError:
        raise InvalidSyntaxException from None


def _condition(request: HttpRequest, name: bytes) -> str | None:
    values = request.headers(name)
    return b",".join(values).decode("latin-1") if values else None


def _answer(outcome: Outcome, client: str) -> Answer:
    headers: list[Header] = list(HEADERS)
    if outcome.location and outcome.status == 201:
        headers.append((b"location", outcome.location.encode("ascii")))
    if outcome.version:
        headers.append((b"etag", outcome.version.encode("ascii")))
    body = b"" if outcome.body is None else orjson.dumps(outcome.body)
    answer = Answer(status=outcome.status, body=body, headers=tuple(headers))
    failed = any(
        int(each["status"]) >= 400 for each in (outcome.body or {}).get("Operations") or ()
    )
    if failed:  # the request is answered, and some of what it asked for was refused
        return answer.refused(Refusal(reason="scim_bulk_failures", client=client))
    return answer


def _of_connector(answer: Answer, client: str) -> Answer:
    """The refusal under the name of whoever was proven before it."""
    refusal = answer.refusal
    if refusal is None or refusal.client or not client:
        return answer
    return answer.refused(Refusal(reason=refusal.reason, client=client))
