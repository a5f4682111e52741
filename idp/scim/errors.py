"""Every refusal of the SCIM server as an answer of its own shape. Nothing of the input comes back.

Spec: RFC 7644 §3.12, RFC 6750 §3
"""

import math
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError
from scim2_models import Error, SCIMException

from idp.errors import InsufficientScope, InvalidToken, OAuthError, Overloaded, TooManyAttempts
from idp.web.http import NO_SNIFF, NO_STORE, Answer, Header, Refusal
from keys.sql import StoreUnavailableError

SCIM_JSON: Header = (b"content-type", b"application/scim+json")
HEADERS = (SCIM_JSON, NO_STORE, NO_SNIFF)
_WORDS: Mapping[str, str] = {
    "invalidFilter": "The filter cannot be read, or names an attribute that is not there",
    "tooMany": "Too many resources would have to be looked at: filter by an indexed attribute",
    "uniqueness": "The userName is taken",
    "mutability": "The attribute cannot be changed by a connector",
    "invalidSyntax": "The request is not a message of this kind",
    "invalidPath": "The path names nothing that is kept",
    "noTarget": "The path leads to no value",
    "invalidValue": "A value is missing, does not fit its attribute, or is of an unknown one",
}
_BY_STATUS: Mapping[int, str] = {
    403: "Not allowed",
    404: "There is no such resource of this connector",
    405: "The method is not allowed here",
    409: "The resource conflicts with another one",
    412: "The resource is not at the version that was meant",
    413: "The request is too large",
    415: "The body must be application/scim+json",
    501: "Not supported here",
}
Fault = (
    SCIMException
    | ValidationError
    | OAuthError
    | TooManyAttempts
    | Overloaded
    | StoreUnavailableError
)
FAULTS = (
    SCIMException,
    ValidationError,
    OAuthError,
    TooManyAttempts,
    Overloaded,
    StoreUnavailableError,
)


class Refused(SCIMException):
    """A refusal that only HTTP knows: a method, a media type."""

    def __init__(self, status: int, *headers: Header) -> None:
        super().__init__()
        self.status = status
        self.headers = headers


class OurWords(SCIMException):
    """A refusal whose detail is ours, and holds nothing of the input."""

    scim_type = "invalidValue"


def error_of(fault: SCIMException | ValidationError) -> Error:
    """The error of one operation; its words are ours, whatever was sent."""
    if isinstance(fault, ValidationError):
        told = Error.from_validation_errors(fault.errors(include_url=False, include_input=False))[0]
    else:
        told = fault.to_error()
    status, kind = told.status or 400, told.scim_type
    words = _WORDS.get(kind or "", _BY_STATUS.get(status, "The request is refused"))
    if isinstance(fault, OurWords):
        words = fault.detail
    return Error(status=status, scim_type=kind or None, detail=words)


def error_body(error: Error) -> dict[str, Any]:
    """An error as JSON."""
    return error.model_dump()


def refused_answer(fault: Fault) -> Answer:
    """The answer of a request that is refused whole, marked for the audit unless we are busy."""
    match fault:
        case TooManyAttempts(retry_after_seconds=seconds):
            return _plain(429, "too_many_attempts", _retry(seconds))
        case Overloaded(retry_after_seconds=seconds):
            return _busy(seconds)
        case StoreUnavailableError():
            return _busy(5)
        case OAuthError():
            return _bearer(fault)
        case _:
            error = error_of(fault)
    reason = f"scim_{error.scim_type or error.status}"
    headers = fault.headers if isinstance(fault, Refused) else ()
    answer = Answer(
        status=error.status or 400,
        body=orjson.dumps(error_body(error)),
        headers=(*HEADERS, *headers),
    )
    return answer.refused(Refusal(reason=reason))


def _bearer(fault: OAuthError) -> Answer:
    challenge = b'Bearer realm="scim"'
    match fault:
        case InvalidToken(description=""):
            return _plain(401, fault.code, (b"www-authenticate", challenge))
        case InvalidToken():
            status = 401
        case InsufficientScope():
            status = 403
        case _:
            status = 400
    told = challenge + f', error="{fault.code}"'.encode("ascii")
    return _plain(status, fault.code, (b"www-authenticate", told), client=fault.client)


def _busy(seconds: float) -> Answer:
    body = orjson.dumps(error_body(Error(status=503, detail="Please try again later")))
    return Answer(status=503, body=body, headers=(*HEADERS, _retry(seconds)))


def _plain(status: int, reason: str, *headers: Header, client: str = "") -> Answer:
    error = Error(status=status, detail=_BY_STATUS.get(status, "The token is not accepted"))
    answer = Answer(status=status, body=orjson.dumps(error_body(error)), headers=HEADERS + headers)
    return answer.refused(Refusal(reason=reason, client=client))


def _retry(seconds: float) -> Header:
    return (b"retry-after", str(math.ceil(seconds)).encode())
