"""A request that was checked, sealed: what a flow carries instead of a long signed message.

Why: a signed AuthnRequest does not fit into a cookie, and is checked once. Nobody but us can write
what is opened here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from connectors.contract import Assurance, SystemId
from connectors.registry import SamlSettings, System
from connectors.systems.saml.authn_request import AuthnRequest
from connectors.systems.saml.providers import ServiceProviders
from idp.errors import PageRefused
from idp.web.flow_cookie import FLOW_SECONDS
from keys.errors import SealBroken
from keys.seal import Sealer

PREFIX = "sq"
_MARK = f"{PREFIX}_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was checked."""

    system: SystemId
    acs: str
    asked: AuthnRequest
    relay_state: str | None
    at: int


class KeptRequests:
    """Seals checked requests and opens them again."""

    def __init__(
        self, systems: Mapping[SystemId, System], providers: ServiceProviders, sealer: Sealer
    ) -> None:
        self._systems = systems
        self._providers = providers
        self._sealer = sealer

    def system_of(self, kept: Kept) -> tuple[System, SamlSettings]:
        """The system, where it is still registered with this address.

        Raises: PageRefused.
        """
        system = self._systems.get(kept.system)
        settings = self._providers.of(kept.system)
        if system is None or settings is None:
            raise PageRefused("client_unknown")
        if kept.acs not in {endpoint.url for endpoint in settings.acs}:
            raise PageRefused("redirect_uri_unknown")
        return system, settings

    def seal(self, kept: Kept) -> str:
        """The request as text."""
        asked = kept.asked
        row = [
            kept.system, kept.acs, kept.relay_state, kept.at, asked.request_id, asked.force,
            asked.passive, asked.class_ref, int(asked.assurance), asked.unmet,
        ]  # fmt: skip
        return self._sealer.seal_handle(PREFIX, orjson.dumps(row))

    def open(self, raw: str, now: int) -> Kept | None:
        """The request, or None for any other text.

        Raises: PageRefused.
        """
        if not raw.startswith(_MARK):
            return None
        try:
            row = orjson.loads(self._sealer.open_handle(PREFIX, raw))
        except SealBroken:
            raise PageRefused("flow_unknown") from None
        system, acs, relay_state, at, request_id, force, passive, class_ref, level, unmet = row
        if now - at > FLOW_SECONDS:
            raise PageRefused("flow_unknown")
        known = self._providers.of(system)
        if known is not None and not known.is_valid(now):
            raise PageRefused("system_expired", detail=f"metadata of {system}")
        asked = AuthnRequest(
            request_id=request_id,
            force=force,
            passive=passive,
            class_ref=class_ref,
            assurance=Assurance(level),
            unmet=unmet,
        )
        return Kept(system=system, acs=acs, asked=asked, relay_state=relay_state, at=at)
