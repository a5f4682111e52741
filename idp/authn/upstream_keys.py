"""The public keys of sources: kept, and asked for again at most once a minute."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import httpx

from connectors.errors import UpstreamRefused
from connectors.sources.model import Source, SourceId
from keys.errors import JoseRefused
from keys.foreign_keys import import_foreign_jwks
from keys.jose import VerificationKeys

KEPT_SECONDS = 600
PAUSE_SECONDS = 60
"""A token with a `kid` that nobody knows costs a source no more than one request a minute."""
_T = TypeVar("_T")


class UpstreamSilent(Exception):
    """The source did not answer, or as only a broken server does. The text is ours."""


class UpstreamKeys:
    """Keys by source; one request at a time for each."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._kept: dict[SourceId, tuple[VerificationKeys, int]] = {}
        self._asked_at: dict[SourceId, int] = {}
        self._locks: defaultdict[SourceId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def checked(
        self, source: Source, check: Callable[[VerificationKeys], _T], now: int
    ) -> _T:
        """What the check gives, under keys that are fresh enough to know every honest `kid`.

        Raises: UpstreamRefused, UpstreamSilent.
        """
        keys = await self._current(source, now)
        try:
            return check(keys)
        except UpstreamRefused:
            renewed = await self._renewed(source, keys, now)
            if renewed is None:
                raise
            return check(renewed)

    async def _current(self, source: Source, now: int) -> VerificationKeys:
        kept = self._kept.get(source.source_id)
        if kept is not None and now < kept[1] + KEPT_SECONDS:
            return kept[0]
        renewed = await self._renewed(source, kept[0] if kept else None, now)
        if renewed is not None:
            return renewed
        if kept is None:
            raise UpstreamSilent("no keys")
        return kept[0]

    async def _renewed(
        self, source: Source, older: VerificationKeys | None, now: int
    ) -> VerificationKeys | None:
        """The keys of now; None where it is too early to ask again, or nobody answered."""
        async with self._locks[source.source_id]:
            kept = self._kept.get(source.source_id)
            if kept is not None and kept[0] is not older:
                return kept[0]  # another request has just asked
            if now < self._asked_at.get(source.source_id, -PAUSE_SECONDS) + PAUSE_SECONDS:
                return None
            self._asked_at[source.source_id] = now
            keys = await self._fetch(source)
            if keys is not None:
                self._kept[source.source_id] = (keys, now)
            return keys

    async def _fetch(self, source: Source) -> VerificationKeys | None:
        try:
            response = await self._http.get(source.endpoints.jwks or "")
            if response.status_code != httpx.codes.OK:
                return None
            algorithms = frozenset({source.id_token_alg or ""})
            return import_foreign_jwks(response.content, algorithms)
        except (httpx.HTTPError, httpx.InvalidURL, JoseRefused):
            return None
