"""REST by template: one request for each message, its address and body written by the agency.

Spec: OWASP ASVS 5.0 14.2.1 (nothing of a person in an address: one address serves all accounts)
"""

from collections.abc import Mapping, Sequence

import httpx
import orjson

from connectors.mapping import Claim
from connectors.provisioning.messages import Outcome, Parcel, Settled
from connectors.provisioning.statuses import posted
from connectors.registry import RestPush

ACCOUNT, ACTIVE, KIND = "account", "active", "kind"
"""What a template may name beside the claims of the system."""


class RestDeliverer:
    """See `Deliverer`. The system has to take the same request twice: it says how things stand."""

    batch = 1

    def __init__(self, client: httpx.AsyncClient, push: RestPush) -> None:
        self._client = client
        self._push = push

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """See `Deliverer.deliver`."""
        parcel = parcels[0]
        if parcel.record.account is None:
            return [Settled()]
        values = template_values(parcel)
        headers = {
            "authorization": f"Bearer {self._push.token}",
            "content-type": "application/json",
            "idempotency-key": parcel.message.message_id,
        }
        body = orjson.dumps(filled(self._push.body, values))
        return [await posted(self._client, self._push.url, body, headers, self._push.method)]


def template_values(parcel: Parcel) -> dict[str, Claim | None]:
    """Everything that a template may name: the released claims, and what we say ourselves."""
    return {
        **parcel.record.claims,
        ACCOUNT: parcel.record.account,
        ACTIVE: parcel.record.active,
        KIND: parcel.message.kind.value,
    }


def filled(body: Mapping[str, str], values: Mapping[str, Claim | None]) -> dict[str, Claim]:
    """The members of the body, each the value that its template names; those without are left out.

    Why one name for each member: values keep their type, and nothing is put together from pieces.
    """
    return {key: value for key, name in body.items() if (value := values.get(name)) is not None}
