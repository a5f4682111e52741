"""Newer metadata of service providers: fetched in the background, believed only when signed."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from connectors.config.saml_rules import renewed
from connectors.contract import SystemId
from connectors.errors import SamlRefused
from connectors.registry import SamlSettings
from connectors.systems.saml.providers import ServiceProviders
from idp.egress.documents import Fetched
from idp.ports import Audit, Clock, Entropy
from idp.store.saml_metadata import KeptMetadata, SqlSamlMetadata
from keys.sql import StoreUnavailableError

logger = logging.getLogger("lienthong.saml_metadata")
LOOK_SECONDS = 30.0
"""How soon a document that another node fetched counts here."""
SOONEST, LATEST = 3600, 86400
CLAIMED_SECONDS = 300
"""A node that dies while it asks holds the others up no longer."""
UNREACHABLE = "no document came"


class Source(Protocol):
    """What fetches documents."""

    async def get(self, url: str, etag: str | None, last_modified: str | None) -> Fetched | None:
        """See `idp.egress.documents.Documents.get`."""
        ...


def due_at(settings: SamlSettings, now: int, byte: int) -> int:
    """When to ask again: half-way to the end, an hour to a day from now, never all at once.

    Spec: SAML Metadata 2.0 §2.3.2 (`validUntil`, `cacheDuration`)
    """
    spans = [LATEST * 2]
    if settings.valid_until is not None:
        spans.append(settings.valid_until - now)
    if settings.cache_seconds is not None:
        spans.append(settings.cache_seconds)
    half = max(SOONEST, min(spans) // 2)
    return now + max(SOONEST, half - half * byte // 2560)


class MetadataRenewal:
    """Keeps `providers` at the newest metadata that is kept, and asks for newer.

    Guarantee: a document counts only by the pinned certificate, for the same provider, under the
    rules of the start, and never in the place of a newer one. Whatever goes wrong, what counted
    before goes on until its own end.
    """

    def __init__(
        self,
        *,
        providers: ServiceProviders,
        kept: SqlSamlMetadata,
        documents: Source,
        reachable: Callable[[str], bool],
        audit: Audit,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._providers = providers
        self._kept = kept
        self._documents = documents
        self._reachable = reachable
        self._audit = audit
        self._clock = clock
        self._entropy = entropy
        self._loaded: dict[SystemId, KeptMetadata] = {}
        self._in_force: set[SystemId] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailableError:
                logger.warning("the kept metadata could not be read")
            except Exception:
                logger.exception("metadata was not renewed; what counted before goes on")
            await asyncio.sleep(LOOK_SECONDS)

    async def load(self) -> Mapping[SystemId, int]:
        """When each is due; take over what is kept, where it changed since: the signature is checked again.

        Why against the first settings: the file and the pinned certificate of this start decide. A
        copy that they do not vouch for, or that is older than the file, is no longer used.
        """
        ours = set(self._providers.renewable())
        rows = await self._kept.versions() if ours else {}
        due = {name: due for name, (_, due) in rows.items() if name in ours}
        if all(self._version(name) == rows[name][0] for name in due):
            return due
        for row in await self._kept.all():
            first = self._providers.first(row.system)
            if first is None or row.system not in ours or self._version(row.system) == row.version:
                continue
            self._loaded[row.system] = row
            try:
                if row.document is not None:
                    self._providers.renew(row.system, self._checked(row.document, first))
                    self._in_force.add(row.system)
            except SamlRefused as refused:
                self._providers.renew(row.system, first)
                self._in_force.discard(row.system)
                logger.warning("%s: the kept metadata is not used: %s", row.system, refused)
        return due

    async def look(self) -> None:
        """Take over what others fetched, then ask for what is due; nobody waits for a slow one."""
        due = await self.load()
        now = int(self._clock())
        asked = (name for name in self._providers.renewable() if due.get(name, 0) <= now)
        await asyncio.gather(*(self._ask(name, now) for name in asked))

    async def _ask(self, system: SystemId, now: int) -> None:
        current = self._providers.of(system)
        if current is None or current.source is None:
            return
        if not await self._kept.claim(system, now, now + CLAIMED_SECONDS):
            return
        row = self._loaded.get(system, KeptMetadata(system=system, version=0))
        used = system in self._in_force
        fetched = await self._documents.get(
            current.source.url, row.etag if used else None, row.last_modified if used else None
        )
        if fetched is None:
            logger.warning("%s: %s from its metadata_url", system, UNREACHABLE)
            await self._kept.failed(system, now, UNREACHABLE, now + SOONEST)
        elif fetched.content is None:
            await self._kept.unchanged(system, self._due(current, now))
        else:
            await self._take(row, fetched, fetched.content, current, now)

    async def _take(
        self, row: KeptMetadata, fetched: Fetched, content: bytes, current: SamlSettings, now: int
    ) -> None:
        try:
            found = self._checked(content, current)
            if not found.is_valid(now):
                raise SamlRefused("it ran out")  # noqa: TRY301 - refused like the rest
        except SamlRefused as refused:
            reason = str(refused)
            self._audit.record("saml_metadata_refused", {"system": row.system, "reason": reason})
            await self._kept.failed(row.system, now, reason, now + SOONEST)
            return
        newer = KeptMetadata(
            system=row.system,
            version=row.version,
            document=content,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            valid_until=found.valid_until,
            fetched_at=now,
            due_at=self._due(found, now),
        )
        if await self._kept.keep(newer):
            if found != current:
                fields: dict[str, str | int] = {
                    "system": row.system,
                    "valid_until": found.valid_until or 0,
                }
                self._audit.record("saml_metadata_renewed", fields)
            await self.load()

    def _checked(self, content: bytes, current: SamlSettings) -> SamlSettings:
        """The rules of the start, those of the network among them."""
        found = renewed(content, current)
        if found.slo_soap_url is not None and not self._reachable(found.slo_soap_url):
            raise SamlRefused("an address that may not be called")
        return found

    def _due(self, settings: SamlSettings, now: int) -> int:
        return due_at(settings, now, self._entropy(1)[0])

    def _version(self, system: SystemId) -> int:
        row = self._loaded.get(system)
        return 0 if row is None else row.version
