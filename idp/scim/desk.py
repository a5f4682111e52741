"""One request of a connector, wherever it came from: alone, or as a part of a bulk request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from scim2_models import (
    Error,
    InvalidSyntaxException,
    NotFoundException,
    ResponseParameters,
    SCIMException,
)

from idp.errors import Overloaded
from idp.model import Connector
from idp.scim.bounds import Json
from idp.scim.bulk import RESPONSE, Operation, in_order, read_batch, resolved, resolved_path
from idp.scim.discovery import Discovery
from idp.scim.errors import Refused, error_body, error_of
from idp.scim.operations import Operations
from idp.scim.outcome import Outcome
from idp.scim.search import Search
from idp.scim.shelf import ROOT
from keys.sql import StoreUnavailableError

_SHOWN = ("attributes", "excludedAttributes")
_SEARCH = (*_SHOWN, "filter", "sortBy", "sortOrder", "startIndex", "count", "cursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked for."""

    method: str
    parts: Sequence[str]
    """The path below the root, in parts."""
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    payload: Json = field(default=None, repr=False)
    if_match: str | None = None
    if_none_match: str | None = None


class Desk:
    """Leads each request to the operation it asks for."""

    def __init__(
        self,
        base: str,
        shelves: Mapping[str, Operations],
        searches: Mapping[str, Search],
        discovery: Discovery,
    ) -> None:
        self._base = base
        self._shelves = shelves
        self._searches = searches
        self._discovery = discovery

    async def answer(self, connector: Connector, ask: Ask, now: int) -> Outcome:
        """What the request comes to.

        Raises: SCIMException, ValidationError, Overloaded, StoreUnavailableError.
        """
        match ask.parts:
            case ["ServiceProviderConfig"]:
                return self._only_get(ask, self._discovery.config(connector))
            case ["ResourceTypes"] | ["ResourceTypes", _]:
                return self._only_get(ask, self._discovery.resource_types(*ask.parts[1:]))
            case ["Schemas"] | ["Schemas", _]:
                return self._only_get(ask, self._discovery.schemas(connector, *ask.parts[1:]))
            case ["Bulk"]:
                _allow(ask, "POST")
                return await self._bulk(connector, ask, now)
            case [name] if name in self._shelves:
                return await self._collection(connector, name, ask, now)
            case [*place, ".search"] if "/".join(place) in self._searches:
                _allow(ask, "POST")
                return await self._searches["/".join(place)].answer(connector, ask.payload)
            case [name, resource_id] if name in self._shelves:
                return await self._resource(connector, self._shelves[name], resource_id, ask, now)
            case _:
                raise NotFoundException

    @staticmethod
    def _only_get(ask: Ask, outcome: Outcome) -> Outcome:
        _allow(ask, "GET")
        if "filter" in ask.query:
            raise Refused(403)  # RFC 7644 §4
        return outcome

    async def _collection(self, connector: Connector, name: str, ask: Ask, now: int) -> Outcome:
        _allow(ask, "GET", "POST")
        if ask.method == "POST":
            return await self._shelves[name].create(connector, ask.payload, _shown(ask), now)
        wanted: Json = {key: ask.query[key] for key in _SEARCH if key in ask.query}
        return await self._searches[name].answer(connector, wanted)

    async def _resource(
        self, connector: Connector, shelf: Operations, resource_id: str, ask: Ask, now: int
    ) -> Outcome:
        _allow(ask, "GET", "PUT", "PATCH", "DELETE")
        shown = _shown(ask)
        match ask.method:
            case "GET":
                return await shelf.get(connector, resource_id, shown, ask.if_none_match)
            case "PUT":
                return await shelf.replace(
                    connector, resource_id, ask.payload, shown, ask.if_match, now
                )
            case "PATCH":
                return await shelf.patch(
                    connector, resource_id, ask.payload, shown, ask.if_match, now
                )
            case _:
                return await shelf.delete(connector, resource_id, ask.if_match, now)

    async def _bulk(self, connector: Connector, ask: Ask, now: int) -> Outcome:
        """Each operation as if it had come alone; the rest is left where too many have failed."""
        batch = read_batch(ask.payload)
        made: dict[str, str] = {}
        told: dict[int, dict[str, Any]] = {}
        failures = 0
        for number in in_order(batch.operations):
            operation = batch.operations[number]
            result = await self._one_of_many(connector, operation, made, now)
            told[number] = result
            failures += int(result["status"]) >= 400
            if batch.fail_on_errors is not None and failures >= batch.fail_on_errors:
                break
        results = [told[number] for number in sorted(told)]
        return Outcome(status=200, body={"schemas": [RESPONSE], "Operations": results})

    async def _one_of_many(
        self, connector: Connector, operation: Operation, made: dict[str, str], now: int
    ) -> dict[str, Any]:
        result: dict[str, Any] = {"method": operation.method}
        if operation.bulk_id is not None:
            result["bulkId"] = operation.bulk_id
        try:
            path = resolved_path(operation.path, made)
            if operation.method != "POST":
                result["location"] = f"{self._base}{ROOT}/{'/'.join(_parts_in_bulk(path))}"
            one = Ask(
                method=operation.method,
                parts=_parts_in_bulk(path),
                payload=resolved(operation.data, made),
                if_match=operation.version,
            )
            if operation.creates and operation.bulk_id in made:
                raise InvalidSyntaxException(detail="A bulkId is used twice")
            outcome = await self.answer(connector, one, now)
        except (SCIMException, ValidationError) as fault:
            error = error_of(fault)
            return result | {"status": str(error.status), "response": error_body(error)}
        except (Overloaded, StoreUnavailableError):  # what was done before stays done, and is told
            error = Error(status=503, detail="Please try again later")
            return result | {"status": "503", "response": error_body(error)}
        if operation.bulk_id is not None and operation.creates and outcome.body is not None:
            made[operation.bulk_id] = str(outcome.body["id"])
        if outcome.location:
            result |= {"location": outcome.location, "version": outcome.version}
        return result | {"status": str(outcome.status)}


def _parts_in_bulk(path: str) -> list[str]:
    """The path of an operation: a resource, or a place to create one; nothing else in bulk.

    Raises: NotFoundException.
    """
    parts = path.removeprefix("/").split("/")
    if parts[0] not in ("Users", "Groups") or len(parts) > 2 or ".search" in parts:
        raise NotFoundException
    return parts


def _allow(ask: Ask, *methods: str) -> None:
    """Spec: RFC 9110 §15.5.6."""
    if ask.method not in methods:
        raise Refused(405, (b"allow", ", ".join(methods).encode()))


def _shown(ask: Ask) -> ResponseParameters[Any]:
    """Which attributes the answer holds.

    Spec: RFC 7644 §3.9
    """
    given = {name: ask.query[name] for name in _SHOWN if name in ask.query}
    return ResponseParameters[Any].model_validate(given)
