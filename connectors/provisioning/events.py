"""Security event tokens, pushed: what happened, signed, to who has to act on it.

Spec: RFC 8417 §2 (SET), RFC 8935 §2 (push), RFC 9493 §3 (subjects), OpenID RISC 1.0 §2,
OpenID CAEP 1.0 §3.1
"""

from collections.abc import Callable, Mapping, Sequence

import httpx

from connectors.provisioning.messages import (
    Kind,
    Later,
    Message,
    Outcome,
    Parcel,
    Record,
    Refused,
    Settled,
)
from connectors.provisioning.statuses import outcome_of
from connectors.registry import EventsPush

SET_TYP = "secevent+jwt"
_RISC = "https://schemas.openid.net/secevent/risc/event-type/"
_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
EVENT_TYPES: Mapping[Kind, str] = {
    Kind.ACCOUNT_DISABLED: _RISC + "account-disabled",
    Kind.ACCOUNT_ENABLED: _RISC + "account-enabled",
    Kind.IDENTIFIER_CHANGED: _RISC + "identifier-changed",
    Kind.LINK_ENDED: "urn:lienthong:secevent:link-ended",
    Kind.SESSION_REVOKED: _CAEP + "session-revoked",
}
"""Nobody has standardised the end of a link, so it has a name of ours."""
_PASSING = frozenset({"authentication_failed", "access_denied"})
Sign = Callable[[str, Mapping[str, object]], str]
"""The `typ` and the claims in, a signed token out."""


class EventDeliverer:
    """See `Deliverer`. A token has the same `jti` at every attempt: a receiver sees the twin."""

    batch = 1

    def __init__(
        self,
        client: httpx.AsyncClient,
        push: EventsPush,
        *,
        issuer: str,
        sign: Sign,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._push = push
        self._issuer = issuer
        self._sign = sign
        self._clock = clock

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """See `Deliverer.deliver`."""
        parcel = parcels[0]
        if parcel.message.kind not in EVENT_TYPES:
            return [Settled()]
        claims = event_claims(
            parcel, issuer=self._issuer, audience=self._push.audience, now=int(self._clock())
        )
        headers = {"content-type": f"application/{SET_TYP}", "accept": "application/json"}
        if self._push.token is not None:
            headers["authorization"] = f"Bearer {self._push.token}"
        token = self._sign(SET_TYP, claims).encode()
        try:
            response = await self._client.post(self._push.url, content=token, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            return [Later(type(fault).__name__)]
        return [_outcome(response)]


def event_claims(parcel: Parcel, *, issuer: str, audience: str, now: int) -> dict[str, object]:
    """The claims of the token: one event, about one subject, and no personal data.

    Spec: RFC 8417 §2.2; Shared Signals Framework 1.0 §4.1 (`sub_id`, never `sub`; no `exp`)
    """
    message = parcel.message
    event: dict[str, object] = {"event_timestamp": message.created_at}
    return {
        "iss": issuer,
        "aud": audience,
        "iat": now,
        "jti": message.message_id,
        "txn": message.message_id,
        "sub_id": subject_id(message, parcel.record, issuer),
        "events": {EVENT_TYPES[message.kind]: event},
    }


def subject_id(message: Message, record: Record, issuer: str) -> dict[str, object]:
    """Whom it is about, in the name that this system knows: its `sub`, or its own account.

    Spec: RFC 9493 §3.2.3 (iss_sub), §3.2.5 (opaque); CAEP 1.0 §3.1 (the session of a user)
    """
    user: dict[str, object] = {"format": "opaque", "id": record.account or message.message_id}
    if record.sub is not None:
        user = {"format": "iss_sub", "iss": issuer, "sub": record.sub}
    if message.sid is None:
        return user
    return {"format": "complex", "user": user, "session": {"format": "opaque", "id": message.sid}}


def _outcome(response: httpx.Response) -> Outcome:
    """Spec: RFC 8935 §2.3 (`err` of a 400)."""
    outcome = outcome_of(response.status_code)
    if not isinstance(outcome, Refused) or response.status_code != httpx.codes.BAD_REQUEST:
        return outcome
    try:
        answer = response.json()
    except ValueError:
        return outcome
    err = answer.get("err") if isinstance(answer, dict) else None
    passing = isinstance(err, str) and err in _PASSING
    return Later("err of the receiver's authentication") if passing else outcome
