"""The client over the transport, and the forms that the outbox sends by it."""

import logging
from collections.abc import Mapping

import httpx

from idp.egress.rules import EgressRules
from idp.egress.transport import AddressRefused, EgressTransport, Limits, SystemResolver
from idp.trust import trusting

logger = logging.getLogger("lienthong.egress")
_NO_REUSE = httpx.Limits(max_connections=100, max_keepalive_connections=0)
LIMITS = Limits()


def egress_transport(ca_file: str | None, rules: EgressRules) -> EgressTransport:
    """What a client for registered addresses is built on; our own CA beside the system's.

    Shape: for `httpx.AsyncClient(transport=…)` and what derives from it, such as Authlib's; one for
    each client, since a client closes its transport with itself.
    """
    inner = httpx.AsyncHTTPTransport(verify=trusting(ca_file), limits=_NO_REUSE, trust_env=False)
    return EgressTransport(inner, rules, SystemResolver(), LIMITS)


def outgoing_client(ca_file: str | None, rules: EgressRules) -> httpx.AsyncClient:
    """A client for GET and POST to registered addresses, and to no other."""
    return client_over(egress_transport(ca_file, rules))


def client_over(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """No redirects, no environment proxies, and the time limit for each step too."""
    return httpx.AsyncClient(
        transport=transport, timeout=LIMITS.seconds, follow_redirects=False, trust_env=False
    )


class HttpEgress:
    """Calls registered addresses; what comes back is only a status."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, url: str) -> int | None:
        """See `cas_granting.CallBack.get`."""
        return await self._status("GET", url, None)

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int | None:
        """See `deliver.Egress.post_form`; the answer is read, within the limits of the transport,
        and forgotten.
        """
        return await self._status("POST", url, dict(fields))

    async def post(self, url: str, body: bytes, kind: str) -> int | None:
        """See `deliver.Egress.post`."""
        return await self._status("POST", url, None, body, {"content-type": kind})

    async def _status(
        self,
        method: str,
        url: str,
        fields: dict[str, str] | None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> int | None:
        sent = self._client.stream(method, url, data=fields, content=body, headers=headers)
        try:
            async with sent as response:
                async for _ in response.aiter_raw():
                    pass
                return response.status_code
        except AddressRefused as refused:
            logger.warning("a registered address is %s", refused)
            return None
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
