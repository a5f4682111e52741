"""The load: flows over keep-alive connections, and the CPU that the server spends on them."""

import asyncio
import os
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the load is sent to: where its endpoints are, and a live session's cookies."""

    name: str
    port: int
    authorize: str
    token: str
    userinfo: str
    introspect: str
    jwks: str
    client_id: str
    secret: str
    redirect_uri: str
    cookies: str
    processes: tuple[int, ...]

    @property
    def basic(self) -> str:
        return b64encode(f"{self.client_id}:{self.secret}".encode()).decode()


class Connection:
    """HTTP/1.1 with keep-alive, as little as the load needs."""

    def __init__(self, port: int) -> None:
        self.held = ""
        """A token that the next flow on this connection goes on with."""
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, head: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write((head + "\r\n\r\n" + body).encode())
        raw = await self._reader.readuntil(b"\r\n\r\n")
        status_line, *lines = raw.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        if "content-length" in headers:
            content = await self._reader.readexactly(int(headers["content-length"]))
        else:
            content = await self._chunks(self._reader)
        return int(status_line.split(" ")[1]), headers, content

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader) -> bytes:
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


Flow = Callable[[Connection, Target], Awaitable[str]]
"""Does its work once, looks at every answer, and returns the last token it was given.

Raises: RuntimeError for any wrong answer.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One round: flows, wall seconds, CPU seconds of the server's processes."""

    flows: int
    wall: float
    cpu: float
    token: str


def cpu_seconds(processes: tuple[int, ...]) -> float:
    """User and system time of the processes so far."""
    total = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(") ")[2].split(" ")
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


async def measure(target: Target, flow: Flow, seconds: float, connections: int = 8) -> Sample:
    """Run flows on some connections for some seconds; any wrong answer ends the benchmark.

    Each connection does one flow before the clock starts: it is open then, and holds its token.
    """
    opened = [Connection(target.port) for _ in range(connections)]
    tokens = await asyncio.gather(*(flow(connection, target) for connection in opened))
    done = 0

    async def worker(connection: Connection) -> None:
        nonlocal done
        while time.perf_counter() < ends_at:
            tokens[0] = await flow(connection, target)
            done += 1

    before, started = cpu_seconds(target.processes), time.perf_counter()
    ends_at = started + seconds
    await asyncio.gather(*(worker(connection) for connection in opened))
    wall, cpu = time.perf_counter() - started, cpu_seconds(target.processes) - before
    for connection in opened:
        connection.close()
    return Sample(flows=done, wall=wall, cpu=cpu, token=tokens[0])
