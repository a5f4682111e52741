"""The one place where refusals become HTTP."""

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace

from idp.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidToken,
    OAuthError,
    Overloaded,
    PageRefused,
    TooManyAttempts,
)
from idp.web.http import NO_STORE, Answer, Endpoint, Header, HttpRequest, Refusal, json_answer
from keys.sql import StoreUnavailableError

logger = logging.getLogger("lienthong.refusals")

ErrorPage = Callable[[HttpRequest, Refusal, int], Answer]
"""The error page of a refusal, with this status: marked as refused, under the number it shows."""


def oauth_answer(error: OAuthError, *headers: Header) -> Answer:
    """A refusal as JSON, with the status that belongs to its code.

    Spec: RFC 6749 §5.2
    """
    refusal = Refusal(reason=error.code, detail=error.detail, client=error.client)
    body = {"error": error.code}
    if error.description:
        body["error_description"] = error.description
    if isinstance(error, InvalidClient):
        basic: Header = (b"www-authenticate", b'Basic realm="lienthong"')
        return json_answer(body, 401, basic).refused(refusal)
    return json_answer(body, 400, *headers).refused(refusal)


def bearer_answer(error: OAuthError) -> Answer:
    """A refusal of a protected resource.

    Spec: RFC 6750 §3
    """
    refusal = Refusal(reason=error.code, detail=error.detail, client=error.client)
    match error:
        case InvalidToken(description=""):
            bare: Header = (b"www-authenticate", b'Bearer realm="lienthong"')
            return json_answer({}, 401, bare).refused(refusal)
        case InvalidToken():
            status = 401
        case InsufficientScope():
            status = 403
        case _:
            status = 400
    challenge = f'Bearer error="{error.code}", error_description="{error.description}"'
    body = {"error": error.code, "error_description": error.description}
    told: Header = (b"www-authenticate", challenge.encode("ascii"))
    return json_answer(body, status, told).refused(refusal)


def api(
    handle: Callable[[HttpRequest], Awaitable[Answer]],
    *methods: str,
    refusal: Callable[[OAuthError], Answer] = oauth_answer,
) -> Endpoint:
    """An endpoint for programs: refusals are JSON.

    Spec: RFC 6749 §5.2, RFC 9110 §15.5.6
    """

    async def endpoint(request: HttpRequest) -> Answer:
        if request.method not in methods:
            return _method_not_allowed(methods)
        try:
            return await handle(request)
        except OAuthError as error:
            return refusal(error)
        except (TooManyAttempts, Overloaded, StoreUnavailableError) as fault:
            status, code, retry = _pressure(fault)
            answer = json_answer({"error": code}, status, retry)
            return answer.refused(Refusal(reason=code)) if status == 429 else answer

    return endpoint


def open_to_browsers(endpoint: Endpoint, *methods: str) -> Endpoint:
    """The same endpoint, for applications that run in a browser on any origin.

    Why: what is asked here is decided by what the request itself holds (a code, a token), never by
    a cookie; so no origin gains anything. Nothing with a session is ever opened (ADR 0023).

    Spec: Fetch §3.2 (CORS protocol), without credentials
    """
    allowed: Header = (b"access-control-allow-methods", ", ".join(methods).encode())
    preflight = Answer(status=204, headers=(*_CORS, allowed, *_PREFLIGHT, NO_STORE))

    async def opened(request: HttpRequest) -> Answer:
        if not request.header(b"origin"):
            return await endpoint(request)
        if request.method == "OPTIONS" and request.header(b"access-control-request-method"):
            return preflight
        return (await endpoint(request)).with_headers(*_CORS)

    return opened


_CORS: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"www-authenticate, retry-after, correlation-id"),
)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"3600"),
)


def page(
    handle: Callable[[HttpRequest], Awaitable[Answer]], *methods: str, error_page: ErrorPage
) -> Endpoint:
    """An endpoint for people: refusals are pages."""

    async def endpoint(request: HttpRequest) -> Answer:
        if request.method not in methods:
            return _method_not_allowed(methods)
        try:
            return await handle(request)
        except PageRefused as refused:
            kept = Refusal(reason=refused.reason, detail=refused.detail)
            return error_page(request, kept, refused.status)
        except OAuthError as error:
            kept = Refusal(reason=error.code, detail=error.detail)
            return error_page(request, kept, 400)
        except (TooManyAttempts, Overloaded, StoreUnavailableError) as fault:
            status, code, retry = _pressure(fault)
            answer = error_page(request, Refusal(reason=code), status).with_headers(retry)
            return answer if status == 429 else _only_logged(request, answer)

    return endpoint


def _only_logged(request: HttpRequest, answer: Answer) -> Answer:
    """Being busy is no refusal: the number on the page leads to the log, not to the audit."""
    if answer.refusal is not None:
        number, reason = answer.refusal.correlation, answer.refusal.reason
        logger.info("%s not served (%s): %s", request.path, number, reason)
    return replace(answer, refusal=None)


def _method_not_allowed(methods: tuple[str, ...]) -> Answer:
    allow: Header = (b"allow", ", ".join(methods).encode())
    answer = json_answer({"error": "invalid_request"}, 405, allow)
    return answer.refused(Refusal(reason="method_not_allowed"))


def _pressure(fault: Exception) -> tuple[int, str, Header]:
    match fault:
        case TooManyAttempts(retry_after_seconds=seconds):
            status, code = 429, "too_many_attempts"
        case Overloaded(retry_after_seconds=seconds):
            status, code = 503, "temporarily_unavailable"
        case _:
            logger.warning("a store is away: %s", fault)
            status, code, seconds = 503, "temporarily_unavailable", 5
    return status, code, (b"retry-after", str(math.ceil(seconds)).encode())
