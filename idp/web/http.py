"""A request and an answer, as small as the hot endpoints need them."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import orjson

from idp.errors import InvalidRequest
from idp.protocol.form import Form, parse_form
from keys.values import hot_value

Scope = MutableMapping[str, Any]  # the ASGI types are open mappings by specification
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

MAX_BODY = 64 * 1024
FORM_TYPE = b"application/x-www-form-urlencoded"
NO_STORE: Header = (b"cache-control", b"no-store")
NO_SNIFF: Header = (b"x-content-type-options", b"nosniff")


@dataclass(slots=True, kw_only=True)
class HttpRequest:
    """One request, read whole. `address` and `received_at` were set at the edge, from trusted
    peers only.
    """

    method: str
    path: str
    query: bytes = field(repr=False)
    """As it stood in the address."""
    fields: Sequence[Header] = field(repr=False)
    """The header fields, names in lower case."""
    content: bytes | None = field(default=b"", repr=False)
    """None where it is not whole: more than `MAX_BODY` bytes, or cut off."""
    address: str
    received_at: float
    parsed: Form | None = field(default=None, repr=False)
    """The form of the body, once it was read."""

    def headers(self, name: bytes) -> list[bytes]:
        """All values of a header, by its lower-case name."""
        return [value for key, value in self.fields if key == name]

    def header(self, name: bytes) -> bytes:
        """The first value of a header, or nothing."""
        for key, value in self.fields:
            if key == name:
                return value
        return b""

    @property
    def holds_a_form(self) -> bool:
        """Whether the body says of itself that it is a form."""
        kind = self.header(b"content-type")
        return kind == FORM_TYPE or kind.partition(b";")[0].strip().lower() == FORM_TYPE

    def form(self) -> Form:
        """The form in the body.

        Raises: InvalidRequest for another content type, or more than `MAX_BODY` bytes.
        """
        if not self.holds_a_form:
            raise InvalidRequest("the body must be application/x-www-form-urlencoded")
        self.parsed = parse_form(self.body())
        return self.parsed

    def body(self) -> bytes:
        """The body.

        Raises: InvalidRequest where it is not whole.
        """
        if self.content is None:
            raise InvalidRequest("the body is too large, or was cut off")
        return self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What the audit keeps of an answer that refuses. `reason` is a code of ours, never input."""

    reason: str
    event: str = "refused"
    client: str = ""
    detail: str = ""
    correlation: str = ""
    """The number that its page shows; where none is shown, the edge draws one."""


@hot_value
class Answer:
    """One response."""

    status: int = 200
    body: bytes = b""
    headers: tuple[Header, ...] = ()
    refusal: Refusal | None = None

    def with_headers(self, *headers: Header) -> "Answer":
        """The same answer with more headers."""
        return replace(self, headers=self.headers + headers)

    def refused(self, refusal: Refusal) -> "Answer":
        """The same answer, marked as a refusal: the edge records it."""
        return replace(self, refusal=refusal)


class Endpoint(Protocol):
    """Answers one request; refusals are raised, and become answers in `answers.py`."""

    async def __call__(self, request: HttpRequest, /) -> Answer:
        """The answer."""
        ...


JSON: Header = (b"content-type", b"application/json")
JSON_HEADERS = (JSON, NO_STORE, NO_SNIFF)


def json_answer(body: object, status: int = 200, *headers: Header) -> Answer:
    """JSON that no cache keeps.

    Spec: RFC 6749 §5.1
    """
    return Answer(status=status, body=orjson.dumps(body), headers=JSON_HEADERS + headers)


def see_other(location: str, *headers: Header) -> Answer:
    """303: the browser goes on with GET, whatever it came with.

    Spec: RFC 9700 §4.12
    """
    return Answer(
        status=303,
        headers=(
            (b"location", location.encode("latin-1", "strict")),
            NO_STORE,
            (b"referrer-policy", b"no-referrer"),
            *headers,
        ),
    )
