"""LogoutRequests by SOAP, for SAML systems that are told behind the browser."""

import hashlib
from collections.abc import Callable, Mapping

from connectors.contract import SystemId
from connectors.registry import SamlSettings, System
from connectors.saml.voice import Voice
from connectors.systems.saml.logout import logout_notice
from connectors.systems.saml.providers import ServiceProviders
from idp.flows.notices import Message, participant_of
from idp.model import Notice
from idp.ports import Entropy
from keys.xml_encryption import RANDOM_BYTES

SOAP_TYPE = "text/xml"


class SamlNotices:
    """Signed LogoutRequests.

    Spec: SAML Profiles 2.0 §4.4.3.1, SAML Bindings 2.0 §3.2
    """

    def __init__(
        self,
        *,
        voice: Callable[[], Voice],
        systems: Mapping[SystemId, System],
        providers: ServiceProviders,
        entropy: Entropy,
    ) -> None:
        self._voice = voice
        self._entropy = entropy
        self._providers = providers
        self._systems = {participant_of(system): system.system_id for system in systems.values()}

    def told(self) -> frozenset[str]:
        """See `NoticeWriter.told`."""
        return frozenset(
            participant for participant in self._systems if self._settings(participant) is not None
        )

    def message(self, notice: Notice, now: int) -> Message | None:
        """See `NoticeWriter.message`. `notice.sub` is the name that the system was given."""
        settings = self._settings(notice.participant)
        if settings is None or settings.slo_soap_url is None:
            return None
        told = f"{notice.notice_id}.{notice.attempts}".encode()
        envelope = logout_notice(
            self._voice(),
            settings,
            to=settings.slo_soap_url,
            name_id=notice.sub,
            sid=notice.sid,
            request_id="_" + hashlib.sha256(told).hexdigest()[:32],
            randomness=self._entropy(RANDOM_BYTES),
            now=now,
        )
        return Message(url=settings.slo_soap_url, body=envelope.encode(), kind=SOAP_TYPE)

    def _settings(self, participant: str) -> SamlSettings | None:
        """Those of a system that is told behind the browser."""
        system = self._systems.get(participant)
        settings = None if system is None else self._providers.of(system)
        return settings if settings is not None and settings.slo_soap_url else None
