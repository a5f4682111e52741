"""The one client for every address that somebody registered."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx

TIMEOUT_SECONDS = 3.0
MAX_ANSWER = 256 * 1024


def outgoing_client(ca_file: str | None) -> httpx.AsyncClient:
    """No redirects, no environment proxies, three seconds, our own CA beside the system's."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cadata=Path(ca_file).read_text("ascii"))
    return httpx.AsyncClient(
        verify=context, timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False
    )


class HttpEgress:
    """Posts forms; what comes back is only a status."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int | None:
        """See `deliver.Egress.post_form`; at most 256 kB of an answer are read, in three seconds
        altogether: an answer that drips in is none.
        """
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._post(url, fields)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL):
            return None

    async def _post(self, url: str, fields: Mapping[str, str]) -> int | None:
        async with self._client.stream("POST", url, data=dict(fields)) as response:
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > MAX_ANSWER:
                    return None
            return response.status_code
