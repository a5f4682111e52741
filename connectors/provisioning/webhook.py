"""Plain signed web-hooks: JSON that one HMAC proves, for a receiver of forty lines."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence

import httpx
import orjson

from connectors.provisioning.messages import Outcome, Parcel
from connectors.provisioning.statuses import posted
from connectors.registry import WebhookPush

MESSAGE, TIMESTAMP, SIGNATURE = (
    "lienthong-message", "lienthong-timestamp", "lienthong-signature",
)  # fmt: skip
TOLERANCE_SECONDS = 300


class WebhookDeliverer:
    """See `Deliverer`."""

    batch = 1

    def __init__(
        self, client: httpx.AsyncClient, push: WebhookPush, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._push = push
        self._clock = clock

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """See `Deliverer.deliver`."""
        message_id = parcels[0].message.message_id
        body = hook_body(parcels[0])
        timestamp = str(int(self._clock()))
        headers = {
            "content-type": "application/json",
            MESSAGE: message_id,
            TIMESTAMP: timestamp,
            SIGNATURE: signatures(self._push.secrets, message_id, timestamp, body),
        }
        return [await posted(self._client, self._push.url, body, headers)]


def hook_body(parcel: Parcel) -> bytes:
    """What happened to which account. No claims: a web-hook is a call to look, not a record.

    Shape: `{"id", "event", "at", "account", "active", "sub", "sid"}`; what is unknown is null.
    """
    message, record = parcel.message, parcel.record
    return orjson.dumps(
        {
            "id": message.message_id,
            "event": message.kind.value,
            "at": message.created_at,
            "account": record.account,
            "active": record.active,
            "sub": record.sub,
            "sid": message.sid,
        }
    )


def signatures(secrets: Iterable[str], message_id: str, timestamp: str, body: bytes) -> str:
    """One signature under each secret: a receiver that changes its secret always finds its own.

    Shape: `v1=<64 hex digits>` each, a comma between; HMAC-SHA-256 over `id.timestamp.body`.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return ",".join(
        "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets
    )


def proven(
    secret: str, *, message_id: str, timestamp: str, signature: str, body: bytes, now: int
) -> bool:
    """What a receiver checks: the signature over the very bytes, and that it is not old.

    Twins are the receiver's to see: `message_id` is the same at every attempt.
    """
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    expected = signatures([secret], message_id, timestamp, body).encode()
    return any(hmac.compare_digest(expected, one.encode()) for one in signature.split(","))
