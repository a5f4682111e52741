"""Whole messages out of a stream of bytes, within a limit of size."""

from connectors.errors import LdapRefused
from connectors.ldap.ber import header

MAX_MESSAGE = 1024 * 1024
_SEQUENCE = 0x30


class FrameReader:
    """Gives each message's bytes once they are all there; keeps no more than one message.

    Why: it knows no socket, so that both sides of the wire and every test share it. After a refusal
    the stream has no beginning any more: the connection ends.
    """

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._kept = bytearray()

    @property
    def waiting(self) -> int:
        """How many bytes of an unfinished message are kept: StartTLS wants none before it."""
        return len(self._kept)

    def feed(self, received: bytes) -> tuple[bytes, ...]:
        """The messages that these bytes complete.

        Spec: RFC 4511 §5.1
        Raises: LdapRefused when what comes is no message, or is larger than the limit.
        """
        self._kept += received
        frames, at, size = [], 0, len(self._kept)
        while at < size:
            if self._kept[at] != _SEQUENCE:
                raise LdapRefused("not a message")
            element = header(self._kept, at, size)
            if element is None:
                break
            if element.end - at > self._limit:
                raise LdapRefused("the message is too large")
            if element.end > size:
                break
            frames.append(bytes(self._kept[at : element.end]))
            at = element.end
        del self._kept[:at]
        return tuple(frames)
