"""LogoutRequests by SOAP, for SAML systems that are told behind the browser."""

import hashlib
from collections.abc import Callable, Mapping

from connectors.contract import SystemId
from connectors.registry import System
from connectors.saml.voice import Voice
from connectors.systems.saml.logout import logout_notice
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
        entropy: Entropy,
    ) -> None:
        self._voice = voice
        self._entropy = entropy
        self._systems = {participant_of(system): system for system in systems.values()}

    def told(self) -> frozenset[str]:
        """See `NoticeWriter.told`."""
        return frozenset(
            participant
            for participant, system in self._systems.items()
            if system.saml is not None and system.saml.slo_soap_url
        )

    def message(self, notice: Notice, now: int) -> Message | None:
        """See `NoticeWriter.message`. `notice.sub` is the name that the system was given."""
        system = self._systems.get(notice.participant)
        if system is None or system.saml is None or system.saml.slo_soap_url is None:
            return None
        told = f"{notice.notice_id}.{notice.attempts}".encode()
        envelope = logout_notice(
            self._voice(),
            system.saml,
            to=system.saml.slo_soap_url,
            name_id=notice.sub,
            sid=notice.sid,
            request_id="_" + hashlib.sha256(told).hexdigest()[:32],
            randomness=self._entropy(RANDOM_BYTES),
            now=now,
        )
        return Message(url=system.saml.slo_soap_url, body=envelope.encode(), kind=SOAP_TYPE)
