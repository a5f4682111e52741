"""CAS tickets: what they stand for, sealed into the characters that every CAS client takes.

A ticket holds all that it stands for, so that issuing one writes nothing. It is bound by the seal
to its kind, and holds the digest of the one address that may redeem it.
"""

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from enum import StrEnum

from connectors.contract import Assurance, SessionId, SubjectId
from keys.errors import SealBroken
from keys.seal import Sealer

TICKET_SECONDS = 30
"""Between the redirect to a service and its question: one round trip, on a poor line."""
GRANTING_SECONDS = 2 * 3600
"""The longest that a proxy may act for somebody; never longer than the session."""
MAX_TICKET = 256
MAX_PROXIES = 3
_PURPOSE = "cas ticket"
_HEAD = struct.Struct(">BB16s16s16sIII")
_PROXY_BYTES = 8
_LETTERS = re.compile(r"[A-Z2-7]+", re.ASCII)


class TicketKind(StrEnum):
    """The prefix that a ticket begins with.

    Spec: CAS Protocol 3.0 §3.1, §3.2, §3.3
    """

    SERVICE = "ST"
    PROXY = "PT"
    PROXY_GRANTING = "PGT"


@dataclass(frozen=True, slots=True, kw_only=True)
class CasTicket:
    """Who signed in, and which address may ask about it until when."""

    kind: TicketKind
    sid: SessionId
    subject: SubjectId
    address: bytes
    """`digest_of_address` of the service, or of the call-back that was given a granting ticket."""
    fresh: bool
    """Whether the person has just proved who they are, and not only been known already."""
    assurance: Assurance
    authenticated_at: int
    session_expires_at: int
    expires_at: int
    proxies: tuple[bytes, ...] = ()
    """`digest_of_proxy` of each call-back that it came through, the nearest first."""


@dataclass(frozen=True, slots=True)
class OpenedTicket:
    """A ticket of ours, and what names it where its single use is remembered."""

    ticket: CasTicket
    fence: bytes


def seal_ticket(sealer: Sealer, ticket: CasTicket) -> str:
    """The ticket as it travels.

    Shape: at most 256 of `A-Z`, `2-7` and `-`: phpCAS makes file names of tickets.
    Spec: CAS Protocol 3.0 §3.1.1, §3.7
    """
    payload = _HEAD.pack(
        int(ticket.fresh),
        int(ticket.assurance),
        bytes.fromhex(ticket.sid),
        bytes.fromhex(ticket.subject),
        ticket.address,
        ticket.authenticated_at,
        ticket.session_expires_at,
        ticket.expires_at,
    ) + b"".join(ticket.proxies)
    sealed = sealer.seal(_PURPOSE, payload, ticket.kind.encode())
    return f"{ticket.kind}-{_text(sealed)}"


def open_ticket(sealer: Sealer, text: str) -> OpenedTicket | None:
    """What the ticket stands for, however old; None for whatever is no ticket of ours."""
    prefix, _, letters = text.partition("-")
    if len(text) > MAX_TICKET or prefix not in _KINDS or not _LETTERS.fullmatch(letters):
        return None
    try:
        sealed = base64.b32decode(letters + "=" * (-len(letters) % 8))
        payload = sealer.open(_PURPOSE, sealed, prefix.encode())
    except (binascii.Error, SealBroken):
        return None
    if _text(sealed) != letters:
        return None  # the unused bits of the last letter: another spelling of the same ticket
    return OpenedTicket(_unpacked(_KINDS[prefix], payload), hashlib.sha256(sealed).digest())


def digest_of_address(url: str) -> bytes:
    """What a ticket holds of the address that it is for."""
    return hashlib.sha256(url.encode()).digest()[:16]


def digest_of_proxy(url: str) -> bytes:
    """What a ticket holds of a registered call-back that it came through."""
    return hashlib.sha256(url.encode()).digest()[:_PROXY_BYTES]


def _unpacked(kind: TicketKind, payload: bytes) -> CasTicket:
    fresh, level, sid, subject, address, authenticated_at, session_expires_at, expires_at = (
        _HEAD.unpack_from(payload)
    )
    rest = payload[_HEAD.size :]
    return CasTicket(
        kind=kind,
        sid=SessionId(sid.hex()),
        subject=SubjectId(subject.hex()),
        address=address,
        fresh=bool(fresh),
        assurance=Assurance(level),
        authenticated_at=authenticated_at,
        session_expires_at=session_expires_at,
        expires_at=expires_at,
        proxies=tuple(
            rest[start : start + _PROXY_BYTES] for start in range(0, len(rest), _PROXY_BYTES)
        ),
    )


def _text(sealed: bytes) -> str:
    return base64.b32encode(sealed).decode("ascii").rstrip("=")


_KINDS = {kind.value: kind for kind in TicketKind}
