"""A service provider that publishes its metadata: what it signs, and the server it stands on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner

from tests.saml.messages import SP, SP_KEY, SpKey, instant, sp_metadata

FEDERATION = SpKey()
"""Whose certificate is pinned."""


def published(
    until: float,
    *,
    key: SpKey = SP_KEY,
    signer: SpKey | None = FEDERATION,
    entity_id: str = SP,
    root: str = "",
    extra: str = "",
    change: tuple[str, str] = ("", ""),
) -> bytes:
    """Metadata with this key, that counts until then; signed, unless nobody does."""
    made = sp_metadata(
        entity_id=entity_id,
        key=key,
        extra=extra,
        root=f' ID="_m1" validUntil="{instant(until)}"{root}',
    )
    made = made.replace(*change) if change[0] else made
    if signer is None:
        return made.encode()
    signing = XMLSigner(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    signed = signing.sign(
        etree.fromstring(made),
        key=signer.key,
        cert=[signer.certificate],
        reference_uri="#_m1",
    )
    return etree.tostring(signed)


class Publisher:
    """A server of one document, which it does not send twice to whoever has it."""

    def __init__(self) -> None:
        self.document = b""
        self.etag = '"1"'
        self.headers = b""
        self.status = b"200 OK"
        self.asked: list[bytes] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/metadata"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(request)
            same = b"if-none-match: " + self.etag.encode() in request.lower()
            status, content = (b"304 Not Modified", b"") if same else (self.status, self.document)
            writer.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\netag: " + self.etag.encode()
                + b"\r\n" + self.headers
                + (b"" if same else b"content-length: %d\r\n" % len(content))
                + b"\r\n" + content
            )  # fmt: skip
            await writer.drain()
        writer.close()


@asynccontextmanager
async def publishing() -> AsyncIterator[Publisher]:
    publisher = Publisher()
    server = await asyncio.start_server(publisher.answer, "127.0.0.1", 0)
    publisher.port = server.sockets[0].getsockname()[1]
    async with server:
        yield publisher


def files(folder: Path, first: bytes, url: str) -> tuple[Path, str]:
    """The first copy as a file, and what the table says beside it."""
    (folder / "school.xml").write_bytes(first)
    pinned = folder / "federation.pem"
    pinned.write_bytes(FEDERATION.pem)
    more = f', metadata_certificate_file = "{pinned}", metadata_url = "{url}"'
    return folder / "school.xml", more
