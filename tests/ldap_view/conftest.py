"""A whole provider with an LDAP front, two systems in it, and a client over real sockets."""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.ldap.filters import Filter, Present
from connectors.ldap.frames import FrameReader
from connectors.ldap.messages import (
    START_TLS,
    BindRequest,
    BindResponse,
    Control,
    ExtendedRequest,
    ExtendedResponse,
    Message,
    Operation,
    Scope,
    SearchDone,
    SearchEntry,
    SearchRequest,
)
from connectors.ldap.reading import read
from connectors.ldap.results import ResultCode
from connectors.ldap.writing import write
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from idp.demo.processes import free_port
from idp.protocol.app_passwords import spelled
from idp.store.app_passwords import AppPassword, SqlAppPasswords
from keys.blind import BlindIndex
from tests.certificates import certificate
from tests.fixtures_world import SECRET_1, SECRET_2, World

MAIL_BASE = "ou=mail,dc=tinh,dc=test"
FILES_BASE = "ou=files,dc=tinh,dc=test"
SERVICE = f"cn=service,{MAIL_BASE}"
EVIDENCE = Evidence(rule="test", rule_version=1)
EVERYTHING = Present("objectClass")

CONFIG = """
[ldap_view]
listen = "127.0.0.1:{clear}"
listen_tls = "127.0.0.1:{tls}"
certificate = "ca.pem"
key = "key.pem"

[systems.mail]
name = {{ vi = "Thư điện tử", en = "Mail" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "ldap_view"
when_unlinked = "create"
new_account_prefix = "m-"
claims = [
  {{ claim = "name", source = "full_name" }},
  {{ claim = "email", source = "email" }},
  {{ claim = "phone", source = "phone", transform = "e164" }},
]

[systems.mail.ldap_view]
base = "ou=mail,dc=tinh,dc=test"
secrets = [{{ env = "SECRET_1" }}]
attributes = {{ cn = "name", mail = "email" }}
groups = {{ citizens = {{ account_kinds = ["citizen"] }}, clerks = {{ account_kinds = ["staff"] }} }}

[systems.files]
name = {{ vi = "Tệp", en = "Files" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "ldap_view"
when_unlinked = "refuse"
claims = [{{ claim = "name", source = "full_name" }}]

[systems.files.ldap_view]
base = "ou=files,dc=tinh,dc=test"
secrets = [{{ env = "SECRET_2" }}]
attributes = {{ displayName = "name" }}
"""


@dataclass(frozen=True)
class Ports:
    clear: int
    tls: int


@pytest.fixture
def ports() -> Ports:
    return Ports(free_port(), free_port())


@pytest.fixture
def more_config(tmp_path: Path, ports: Ports) -> str:
    certificate(tmp_path)
    return CONFIG.format(clear=ports.clear, tls=ports.tls)


class Wire:
    """One connection, as a client sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.frames, self.number = FrameReader(), 0
        self.waiting: list[Message] = []

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def next(self) -> Message | None:
        while not self.waiting:
            try:
                received = await asyncio.wait_for(self.reader.read(65536), 10)
            except ConnectionError:
                return None
            if not received:
                return None
            self.waiting += [read(frame) for frame in self.frames.feed(received)]
        return self.waiting.pop(0)

    async def ask(self, operation: Operation, *controls: Control) -> list[Message]:
        """All messages up to the one that ends the operation."""
        self.number += 1
        message = Message(number=self.number, operation=operation, controls=controls)
        await self.send(write(message))
        found: list[Message] = []
        while (answer := await self.next()) is not None:
            found.append(answer)
            if not isinstance(answer.operation, SearchEntry):
                break
        return found

    async def bind(self, name: str, password: str | bytes) -> ResultCode:
        raw = password.encode() if isinstance(password, str) else password
        answers = await self.ask(BindRequest(name=name, password=raw))
        assert isinstance(answers[0].operation, BindResponse)
        return answers[0].operation.result.code

    async def search(
        self,
        base: str,
        found: Filter = EVERYTHING,
        scope: Scope = Scope.SUBTREE,
        *controls: Control,
        attributes: tuple[str, ...] = (),
        size_limit: int = 0,
        types_only: bool = False,
    ) -> tuple[dict[str, dict[str, tuple[bytes, ...]]], ResultCode, Message]:
        request = SearchRequest(
            base=base, scope=scope, filter=found, attributes=attributes, size_limit=size_limit,
            types_only=types_only,
        )  # fmt: skip
        *entries, done = await self.ask(request, *controls)
        assert isinstance(done.operation, SearchDone), done
        return (
            {
                entry.operation.name: {a.name: a.values for a in entry.operation.attributes}
                for entry in entries
                if isinstance(entry.operation, SearchEntry)
            },
            done.operation.result.code,
            done,
        )

    async def start_tls(self, folder: Path) -> ResultCode:
        answers = await self.ask(ExtendedRequest(name=START_TLS))
        assert isinstance(answers[0].operation, ExtendedResponse)
        code = answers[0].operation.result.code
        if code is ResultCode.SUCCESS:
            context = ssl.create_default_context(cafile=folder / "ca.pem")
            await self.writer.start_tls(context, server_hostname="localhost")
        return code


class View:
    """The front of one world, and what a test does behind it."""

    def __init__(self, world: World, ports: Ports, folder: Path) -> None:
        self.world, self.ports, self.folder = world, ports, folder
        self.open: list[asyncio.StreamWriter] = []
        stores = world.settings
        self.index = BlindIndex(stores.keks[-1])

    async def connect(self, *, tls: bool = False) -> Wire:
        context = ssl.create_default_context(cafile=self.folder / "ca.pem") if tls else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.ports.tls if tls else self.ports.clear, ssl=context,
            server_hostname="localhost" if tls else None,
        )  # fmt: skip
        self.open.append(writer)
        return Wire(reader, writer)

    async def as_mail(self) -> Wire:
        wire = await self.connect()
        assert await wire.bind(SERVICE, SECRET_1) is ResultCode.SUCCESS
        return wire

    async def link(self, subject: SubjectId, account: str, system: str = "mail") -> str:
        link = Link(
            link_id=secrets.token_hex(16), subject=subject, system=SystemId(system),
            account=AccountId(account), state=LinkState.ACTIVE, version=1, created_at=1,
        )  # fmt: skip
        async with self.stores() as stores:
            await SqlLinks(stores.database).open(
                link, Transition(actor="test", reason="test", evidence=EVIDENCE, at=1)
            )
        return link.link_id

    async def app_password(
        self, subject: SubjectId, system: str = "mail", *, days: int = 10
    ) -> tuple[str, str]:
        now = int(self.world.clock.now)
        made = AppPassword(
            app_password_id=secrets.token_hex(8), subject=subject, system=SystemId(system),
            label="Điện thoại", created_at=now, expires_at=now + days * 86400,
        )  # fmt: skip
        secret = spelled(secrets.token_bytes(16))
        async with self.stores() as stores:
            kept = SqlAppPasswords(stores.database, stores.sealer, self.index)
            assert await kept.add(made, secret)
        return made.app_password_id, secret

    def stores(self):
        from idp.adapters import open_stores

        return open_stores(self.world.settings, self.world.clock)

    async def close(self) -> None:
        for writer in self.open:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 5)


def dn(account: str, base: str = MAIL_BASE) -> str:
    return f"uid={account},ou=people,{base}"


@pytest.fixture
async def view(world: World, ports: Ports, tmp_path: Path) -> AsyncIterator[View]:
    made = View(world, ports, tmp_path)
    yield made
    await made.close()


__all__ = ["FILES_BASE", "MAIL_BASE", "SECRET_1", "SECRET_2", "SERVICE", "View", "Wire", "dn"]
