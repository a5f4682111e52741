"""Documents that are read from registered addresses, and only where they are new."""

from dataclasses import dataclass, field

import httpx

MAX_VALIDATOR = 512
"""A mark of a version that is longer is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What an address answered; `content` is None where it says that nothing is new."""

    content: bytes | None = field(repr=False)
    etag: str | None = None
    last_modified: str | None = None


class Documents:
    """Over a client of this room: within its addresses, its time and its size; no redirect, nothing unpacked."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, url: str, etag: str | None, last_modified: str | None) -> Fetched | None:
        """The document, or None for whatever else happened.

        Spec: RFC 9110 §13.1.2, §13.1.3
        """
        headers = {"accept-encoding": "identity"}
        if etag is not None:
            headers["if-none-match"] = etag
        if last_modified is not None:
            headers["if-modified-since"] = last_modified
        try:
            async with self._client.stream("GET", url, headers=headers) as response:
                content = b"".join([chunk async for chunk in response.aiter_raw()])
        except (httpx.HTTPError, httpx.InvalidURL):
            return None
        if response.status_code == httpx.codes.NOT_MODIFIED and (etag or last_modified):
            return Fetched(content=None)
        if response.status_code != httpx.codes.OK:
            return None
        return Fetched(
            content=content,
            etag=_short(response.headers.get("etag")),
            last_modified=_short(response.headers.get("last-modified")),
        )


def _short(value: str | None) -> str | None:
    return value if value is not None and len(value) <= MAX_VALIDATOR and value.isascii() else None
