"""Lists and searches: of one resource type, or of all at once.

Spec: RFC 7644 §3.4.2, §3.4.3
"""

import asyncio
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from scim2_models import (
    Context,
    ListResponse,
    ScimFilter,
    SearchRequest,
    TooManyException,
)

from idp.model import Connector
from idp.scim.bounds import Json
from idp.scim.errors import OurWords
from idp.scim.filters import SCANNED, By, Lookup, Nothing, Scan, bounded_filter, plan
from idp.scim.outcome import Outcome
from idp.scim.shelf import RESOURCE_ID, Shelf
from idp.store.scim import Kind, SqlScim, Stored

PAGE = 100
MAX_PAGE = 200
SHOWN_AT_ONCE = 100


class Search:
    """Searches the shelves in their order; on each, the oldest resource comes first."""

    def __init__(self, shelves: Sequence[Shelf], resources: SqlScim) -> None:
        self._shelves = shelves
        self._resources = resources

    async def answer(self, connector: Connector, payload: Json) -> Outcome:
        """A page of the connector's resources.

        Raises: SCIMException, ValidationError.
        """
        request = self._read(connector, payload)
        start = max(request.start_index or 1, 1)
        left = min(PAGE if request.count is None else request.count, MAX_PAGE)
        skipped, total, listed = start - 1, 0, list[dict[str, Any]]()
        for shelf in self._shelves:
            rows, length = await self._found(connector, shelf, request.filter, skipped, left)
            shown = await shelf.show(connector, rows)
            listed += [
                each.model_dump(
                    scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=request
                )
                for each in shown
            ]
            skipped, left, total = max(skipped - length, 0), left - len(rows), total + length
        body = {
            "schemas": [str(ListResponse.__schema__)],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": len(listed),
            "Resources": listed,
        }
        return Outcome(status=200, body=body)

    def _read(self, connector: Connector, payload: Json) -> Any:
        """The request, its filter parsed for the resource types that are searched."""
        if isinstance(payload, dict):
            for name, given in payload.items():
                if name.lower() == "filter" and isinstance(given, str):
                    bounded_filter(given)
        models: Any = reduce(or_, (shelf.model(connector) for shelf in self._shelves))
        request = SearchRequest[models].model_validate(payload, scim_ctx=Context.SEARCH_REQUEST)
        if request.sort_by is not None or request.cursor is not None:
            raise OurWords(detail="Sorting and cursors are not supported")
        return request

    async def _found(
        self, connector: Connector, shelf: Shelf, wanted: str | None, skipped: int, count: int
    ) -> tuple[list[Stored], int]:
        if wanted is None:
            page = await self._resources.page(connector.connector_id, shelf.kind, skipped, count)
            return list(page.found), page.total
        model: Any = shelf.model(connector)
        match plan(ScimFilter[model](str(wanted)), model):
            case Lookup() as lookup:
                matching = await self._looked_up(connector, shelf.kind, lookup)
            case Scan() as scan:
                matching = await self._scanned(connector, shelf, scan)
            case Nothing():
                matching = []
        return matching[skipped : skipped + count], len(matching)

    async def _looked_up(self, connector: Connector, kind: Kind, lookup: Lookup) -> list[Stored]:
        own = connector.connector_id
        match lookup.by:
            case By.ID:
                by_id = RESOURCE_ID.fullmatch(lookup.value)
                found = await self._resources.find(own, kind, lookup.value) if by_id else None
            case By.USER_NAME:
                named = kind is Kind.USER
                found = await self._resources.by_username(own, lookup.value) if named else None
            case By.EXTERNAL_ID:
                return list(await self._resources.by_external_id(own, kind, lookup.value, SCANNED))
        return [] if found is None else [found]

    async def _scanned(self, connector: Connector, shelf: Shelf, scan: Scan) -> list[Stored]:
        """Those that match, where the connector has few enough to look at each.

        Raises: TooManyException.
        """
        page = await self._resources.page(connector.connector_id, shelf.kind, 0, SCANNED)
        if page.total > SCANNED:
            raise TooManyException
        found: list[Stored] = []
        for start in range(0, len(page.found), SHOWN_AT_ONCE):
            await asyncio.sleep(0)  # others are served in between
            rows = page.found[start : start + SHOWN_AT_ONCE]
            shown = await shelf.show(connector, rows)
            found += [row for row, each in zip(rows, shown, strict=True) if scan.filter.match(each)]
        return found
