"""What a participant is told when a session has ended: one writer for each dialect."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connectors.contract import SystemId
from connectors.errors import ReturnAddressRefused
from connectors.registry import System
from connectors.systems.cas.logout import logout_request, ticket_and_service
from connectors.systems.cas.service import verify_service
from connectors.systems.signed_ticket import logout_ticket_form
from idp.model import Client, ClientId, Notice
from idp.protocol.id_token import logout_token_claims
from keys.keyring import KeyRing

SYSTEM_PREFIX = "system:"
"""Marks a participant that is a system; a client id cannot hold a colon."""
LOGOUT_TYP = "logout+jwt"
TO_ITS_LOGIN = frozenset({302, 303})
"""mod_auth_cas ends the session, and then answers as it does whoever has none: to the login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a registered address is sent: a form, or a document of a kind of its own."""

    url: str
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    kind: str = ""
    """The content type of `body`."""
    also_received: frozenset[int] = frozenset()
    """What beside 2xx says that it was heard."""

    def received(self, status: int | None) -> bool:
        """Whether this answer says that the participant has heard."""
        return status is not None and (200 <= status < 300 or status in self.also_received)


class NoticeWriter(Protocol):
    """Writes the notices of one dialect."""

    def told(self) -> frozenset[str]:
        """The participants that want to hear of the end of a session."""
        ...

    def message(self, notice: Notice, now: int) -> Message | None:
        """What this participant is sent now, made afresh at each attempt; None where it has left."""
        ...


def by_participant(writers: Iterable[NoticeWriter]) -> Mapping[str, NoticeWriter]:
    """Who writes to whom."""
    return {participant: writer for writer in writers for participant in writer.told()}


def participant_of(system: System) -> str:
    """The name under which a system takes part in sessions."""
    return SYSTEM_PREFIX + system.system_id


class OidcNotices:
    """Logout tokens.

    Spec: OIDC Back-Channel Logout 1.0 §2.4, §2.5
    """

    def __init__(
        self, *, issuer: str, clients: Mapping[ClientId, Client], keyring: KeyRing
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._keyring = keyring

    def told(self) -> frozenset[str]:
        """See `NoticeWriter.told`."""
        return frozenset(c.client_id for c in self._clients.values() if c.backchannel_logout_uri)

    def message(self, notice: Notice, now: int) -> Message | None:
        """See `NoticeWriter.message`."""
        client = self._clients.get(ClientId(notice.participant))
        if client is None or client.backchannel_logout_uri is None:
            return None
        claims = logout_token_claims(
            issuer=self._issuer,
            client_id=client.client_id,
            sub=notice.sub,
            sid=notice.sid,
            jti=_jti(notice),
            now=now,
        )
        token = self._keyring.signer(client.id_token_alg).sign(LOGOUT_TYP, claims)
        return Message(url=client.backchannel_logout_uri, fields={"logout_token": token})


class TicketNotices:
    """Logout tickets."""

    def __init__(self, *, issuer: str, systems: Mapping[SystemId, System]) -> None:
        self._issuer = issuer
        self._systems = {participant_of(system): system for system in systems.values()}

    def told(self) -> frozenset[str]:
        """See `NoticeWriter.told`."""
        return frozenset(
            participant
            for participant, system in self._systems.items()
            if system.ticket is not None and system.ticket.logout_url
        )

    def message(self, notice: Notice, now: int) -> Message | None:
        """See `NoticeWriter.message`."""
        system = self._systems.get(notice.participant)
        if system is None or system.ticket is None or system.ticket.logout_url is None:
            return None
        form = logout_ticket_form(
            system,
            sub=notice.sub,
            sid=notice.sid,
            issuer=self._issuer,
            now=now,
            jti=_jti(notice),
        )
        return Message(url=system.ticket.logout_url, fields=form)


class CasNotices:
    """Logout requests, each to the service that redeemed the ticket it names.

    Spec: CAS Protocol 3.0 §2.3.3
    """

    def __init__(self, *, systems: Mapping[SystemId, System]) -> None:
        self._systems = {participant_of(system): system for system in systems.values()}

    def told(self) -> frozenset[str]:
        """See `NoticeWriter.told`."""
        return frozenset(
            participant
            for participant, system in self._systems.items()
            if system.cas is not None and system.cas.logout
        )

    def message(self, notice: Notice, now: int) -> Message | None:
        """See `NoticeWriter.message`: a service that is not registered any more hears nothing."""
        ticket, service = ticket_and_service(notice.known_as)
        try:
            verify_service(self._systems_by_id(notice.participant), service)
        except ReturnAddressRefused:
            return None
        document = logout_request(ticket, request_id=_jti(notice), now=now)
        return Message(url=service, fields={"logoutRequest": document}, also_received=TO_ITS_LOGIN)

    def _systems_by_id(self, participant: str) -> dict[SystemId, System]:
        system = self._systems.get(participant)
        return {system.system_id: system} if system and system.cas and system.cas.logout else {}


def _jti(notice: Notice) -> str:
    """An id for each attempt: whoever heard the first one may refuse its twin."""
    return f"{notice.notice_id}.{notice.attempts}"
