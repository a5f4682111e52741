"""The load: single sign-on flows over keep-alive connections, every answer looked at."""

import asyncio
import hashlib
import json
import os
import time
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

VERIFIER = "benchmark-verifier-benchmark-verifier-benchmark"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the load is sent to: where its endpoints are, and a live session's cookies."""

    name: str
    port: int
    authorize: str
    token: str
    userinfo: str
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


async def sso_flow(connection: Connection, target: Target) -> str:
    """One single sign-on: authorize, token, userinfo. Returns the ID token."""
    host = f"Host: 127.0.0.1:{target.port}"
    query = (
        f"response_type=code&client_id={target.client_id}&scope=openid%20profile&state=s&nonce=n"
        f"&redirect_uri={quote(target.redirect_uri, safe='')}"
        f"&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
    status, headers, _ = await connection.send(
        f"GET {target.authorize}?{query} HTTP/1.1\r\n{host}\r\nCookie: {target.cookies}"
    )
    code = parse_qs(urlsplit(headers.get("location", "")).query).get("code", [""])[0]
    if status not in (302, 303) or not code:
        raise RuntimeError(f"{target.name}: authorize answered {status} {headers.get('location')}")
    body = (
        f"grant_type=authorization_code&code={code}&code_verifier={VERIFIER}"
        f"&redirect_uri={quote(target.redirect_uri, safe='')}"
    )
    status, _, content = await connection.send(_post(target, target.token, body), body)
    if status != 200:
        raise RuntimeError(f"{target.name}: token answered {status} {content[:200]!r}")
    tokens = json.loads(content)
    status, _, content = await connection.send(
        f"GET {target.userinfo} HTTP/1.1\r\n{host}\r\n"
        f"Authorization: Bearer {tokens['access_token']}"
    )
    if status != 200 or "name" not in json.loads(content):
        raise RuntimeError(f"{target.name}: userinfo answered {status} {content[:200]!r}")
    return str(tokens["id_token"])


async def client_credentials_flow(connection: Connection, target: Target) -> str:
    """One token for the client itself."""
    body = "grant_type=client_credentials"
    status, _, content = await connection.send(_post(target, target.token, body), body)
    if status != 200:
        raise RuntimeError(f"{target.name}: token answered {status} {content[:200]!r}")
    return str(json.loads(content)["access_token"])


def _post(target: Target, path: str, body: str) -> str:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Basic {target.basic}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One round: flows, wall seconds, CPU seconds of the server's processes."""

    flows: int
    wall: float
    cpu: float


def cpu_seconds(processes: tuple[int, ...]) -> float:
    """User and system time of the processes so far."""
    total = 0
    for process in processes:
        fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(") ")[2].split(" ")
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


async def measure(target: Target, flow: object, seconds: float, connections: int = 8) -> Sample:
    """Run flows on some connections for some seconds; any wrong answer ends the benchmark."""
    ends_at, done = time.perf_counter() + seconds, 0

    async def worker() -> None:
        nonlocal done
        connection = Connection(target.port)
        try:
            while time.perf_counter() < ends_at:
                await flow(connection, target)  # type: ignore[operator]
                done += 1
        finally:
            connection.close()

    before, started = cpu_seconds(target.processes), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(connections)))
    wall = time.perf_counter() - started
    return Sample(flows=done, wall=wall, cpu=cpu_seconds(target.processes) - before)
