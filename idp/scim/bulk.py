"""Many operations in one request: their order, and what refers to what. Pure.

Spec: RFC 7644 §3.7
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scim2_models import (
    ConflictException,
    InvalidSyntaxException,
    InvalidValueException,
    PayloadTooLargeException,
)

from idp.scim.bounds import Json

MAX_OPERATIONS = 100
PREFIX = "bulkId:"
REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation as it was sent; what is wrong with it is told when its turn comes."""

    method: str
    path: str
    bulk_id: str | None
    version: str | None
    data: Json = field(repr=False)

    @property
    def creates(self) -> bool:
        """Whether others may refer to what it makes."""
        return self.method == "POST" and self.bulk_id is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A bulk request that may be run."""

    operations: Sequence[Operation]
    fail_on_errors: int | None


def read_batch(payload: Json) -> Batch:
    """The request, its limits checked before anything is done.

    Raises: InvalidSyntaxException, InvalidValueException, PayloadTooLargeException.
    """
    message = _lowered(payload)
    if message.get("schemas") != [REQUEST]:
        raise InvalidSyntaxException(detail="The message is no BulkRequest")
    listed, limit = message.get("operations"), message.get("failonerrors")
    if not isinstance(listed, list) or not listed:
        raise InvalidValueException(detail="The request has no operations")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise InvalidValueException(detail="failOnErrors is no positive number")
    if len(listed) > MAX_OPERATIONS:
        raise PayloadTooLargeException
    return Batch(operations=[_operation(each) for each in listed], fail_on_errors=limit)


def _operation(entry: Json) -> Operation:
    members = _lowered(entry)

    def text(name: str) -> str | None:
        value = members.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidSyntaxException(detail="A member of an operation is no text")
        return value

    method = (text("method") or "").upper()
    bulk_id = text("bulkid")
    if method not in METHODS or (method == "POST" and not bulk_id):
        raise InvalidSyntaxException(detail="An operation has no method, or no bulkId")
    return Operation(
        method=method,
        path=text("path") or "",
        bulk_id=bulk_id,
        version=text("version"),
        data=members.get("data"),
    )


def _lowered(value: Json) -> dict[str, Any]:
    """Names of members are case-insensitive (RFC 7643 §2.1)."""
    if not isinstance(value, dict):
        raise InvalidSyntaxException(detail="The message is no object")
    return {name.lower(): member for name, member in value.items()}


def in_order(operations: Sequence[Operation]) -> list[int]:
    """As sent, except that a creation comes before whatever refers to it.

    Of a circle, one operation comes before what it refers to, and is refused then.
    """
    makers = {each.bulk_id: number for number, each in enumerate(operations) if each.creates}
    order: list[int] = []
    waiting = set(range(len(operations)))
    while waiting:
        ready = [
            number
            for number in sorted(waiting)
            if not {makers.get(each) for each in references(operations[number])}
            & waiting - {number}
        ]
        chosen = ready or [min(waiting)]
        order += chosen
        waiting -= set(chosen)
    return order


def references(operation: Operation) -> set[str]:
    """The bulkIds that an operation refers to, in its path and its data."""
    return set(_found([operation.path.rpartition("/")[2], operation.data]))


def _found(value: Json) -> Iterator[str]:
    match value:
        case str() if value.startswith(PREFIX):
            yield value.removeprefix(PREFIX)
        case list():
            for each in value:
                yield from _found(each)
        case dict():
            for each in value.values():
                yield from _found(each)
        case _:
            pass


def resolved(value: Json, made: Mapping[str, str]) -> Json:
    """The same value with the ids of what was made in this request.

    Raises: ConflictException where something was not made.
    """
    match value:
        case str() if value.startswith(PREFIX):
            found = made.get(value.removeprefix(PREFIX))
            if found is None:
                raise ConflictException
            return found
        case list():
            return [resolved(each, made) for each in value]
        case dict():
            return {name: resolved(each, made) for name, each in value.items()}
        case _:
            return value


def resolved_path(path: str, made: Mapping[str, str]) -> str:
    """The path, its last part resolved.

    Raises: ConflictException.
    """
    front, slash, last = path.rpartition("/")
    return f"{front}{slash}{resolved(last, made)}"
