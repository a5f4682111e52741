"""How the sources do, as this node sees it: declared, asked in the background, met at sign-ins."""

import asyncio
import logging
from collections.abc import Mapping

import httpx

from connectors.sources.breaker import Breaker, Health
from connectors.sources.ldap.directory import Directory
from connectors.sources.model import Source, SourceId
from idp.ports import Clock

_GATEWAY = (502, 503, 504)
logger = logging.getLogger("lienthong.upstream")
WATCH_SECONDS = 15.0


class UpstreamHealth:
    """A breaker for each source. A source that is declared down stays down."""

    def __init__(self, sources: Mapping[SourceId, Source | Directory], clock: Clock) -> None:
        self._sources = sources
        self._clock = clock
        self._breakers = dict.fromkeys(sources, Breaker())

    def is_down(self, source_id: SourceId) -> bool:
        """Whether nobody is sent there now."""
        if self._sources[source_id].declared_down:
            return True
        return self._breakers[source_id].health(int(self._clock())) is Health.DOWN

    def going(self, source_id: SourceId) -> None:
        """Somebody is being sent there."""
        self._breakers[source_id] = self._breakers[source_id].probing(int(self._clock()))

    def answered(self, source_id: SourceId) -> None:
        """It answered something."""
        self._breakers[source_id] = self._breakers[source_id].answered()

    def failed(self, source_id: SourceId) -> None:
        """It did not answer, or as only a broken server does."""
        self._breakers[source_id] = self._breakers[source_id].failed(int(self._clock()))

    async def watch(self, http: httpx.AsyncClient) -> None:
        """Run until cancelled: people see an outage on the login page, not after a way in vain."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            asked = [one for one in self._sources.values() if isinstance(one, Source)]
            await asyncio.gather(*(self.ask(http, source) for source in asked))

    async def ask(self, http: httpx.AsyncClient, source: Source) -> None:
        """One request that changes nothing; any answer but a server's fault says that it is there."""
        try:
            response = await http.get(source.watched)
            well = _is_there(source, response.status_code)
        except (httpx.HTTPError, httpx.InvalidURL):
            well = False
        was_down = self.is_down(source.source_id)
        (self.answered if well else self.failed)(source.source_id)
        if self.is_down(source.source_id) is not was_down:
            logger.warning("source %s is %s", source.source_id, "back" if well else "down")


def _is_there(source: Source, status: int) -> bool:
    """Why: known identity providers answer 500 where a request for SAML brings no request; what
    stands before one that is down answers otherwise.
    """
    return status not in _GATEWAY if source.saml is not None else status < 500
