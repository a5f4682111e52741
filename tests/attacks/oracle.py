"""What holds for every answer of the provider, whatever was asked: the oracles O1 to O6.

O1 never a 5xx. O2 no redirect, form or fetch to a host that is not registered. O3 a refusal changes
no row. O4 one audit record with reason, actor, client and correlation id for each refusal, and no
secret in a log or in the audit. O5 input comes back escaped, under the right headers. O6 a request
costs little CPU and memory. O7 (the canary) is in `tests/nodes`.
"""

import asyncio
import json
import logging
import re
import resource
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx

from idp.audit.bounds import SINGLE_PER_MINUTE
from idp.egress.rules import EgressRules
from idp.store.sql_schema import metadata
from tests.fixtures_world import ISSUER, Fields, World

PROTOCOL = frozenset(
    {
        "/authorize",
        "/token",
        "/userinfo",
        "/introspect",
        "/revoke",
        "/logout",
        "/ticket",
        "/sign-in",
        "/cas/login",
        "/cas/logout",
        "/oauth2/authorize",
        "/oauth2/token",
        "/oauth2/userinfo",
        "/oauth2/introspect",
        "/oauth2/revoke",
        "/oidc/logout",
    }
)
TOKEN_PATHS = ("/token", "/oauth2/token")
PUBLIC = frozenset(
    {
        "/jwks",
        "/oauth2/jwks",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    }
)
HEALTH = frozenset({"/healthz", "/readyz"})
SECRET_FIELDS = frozenset(
    {
        "password", "client_secret", "client_assertion", "code", "code_verifier", "refresh_token",
        "access_token", "id_token", "id_token_hint", "token", "otp", "ticket", "pgt",
    }
)  # fmt: skip
CPU_SECONDS = 1.0
"""The cases ask for 0.3; other work on the machine makes CPU time dearer, and must fail nobody."""
MEMORY_BYTES = 16 * 1024 * 1024
_LOOKED_AT_IN_PART = {
    "family": "SELECT id, sid, scopes, expires_at, generation FROM family ORDER BY id",
    "audit_head": "SELECT chain, number FROM audit_head ORDER BY number",
    "notice": "SELECT id, participant, sub, sid, created_at FROM notice ORDER BY id",
}
"""A replay revokes a family. The audit's writer and the outbox work behind the requests: how far
they have come may change during a refusal that has nothing to do with it; what there is may not.
"""
TABLES = sorted(set(metadata.tables) - {"fence", "audit_record"} - set(_LOOKED_AT_IN_PART))
"""What a refusal must leave alone altogether."""
_REVOKED = "SELECT id FROM family WHERE revoked_at IS NOT NULL ORDER BY id"


def is_scim(request: httpx.Request) -> bool:
    """Whether the request went to the SCIM server."""
    return request.url.path.startswith("/scim/v2")


def resident_bytes() -> int:
    """What the process holds now: a peak would be that of another test."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


class Egress:
    """Every connection that would leave; nothing listens behind it."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.posted: list[dict[str, str]] = []
        self.status = 204

    def client(self, _ca_file: str | None, _rules: EgressRules) -> httpx.AsyncClient:
        def answer(request: httpx.Request) -> httpx.Response:
            self.urls.append(str(request.url))
            self.posted.append(dict(parse_qsl(request.content.decode("latin-1"))))
            return httpx.Response(self.status, stream=httpx.ByteStream(b""))

        return httpx.AsyncClient(transport=httpx.MockTransport(answer))


class Logs(logging.Handler):
    """Every line that the provider logs."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("lienthong"):
            self.lines.append(record.getMessage())

    @contextmanager
    def listening(self) -> Iterator[None]:
        logger = logging.getLogger("lienthong")
        logger.addHandler(self)
        yield
        logger.removeHandler(self)


@dataclass
class Kept:
    """How things stood before a request."""

    alone: bool
    tables: object
    cpu: float
    memory: int


@dataclass
class Oracle:
    """Watches one world from its first request to the end of the test."""

    world: World
    egress: Egress
    logs: Logs
    faults_allowed: bool = False
    changes_allowed: bool = False
    """Where a test says why a refusal may leave a row."""
    refusals: list[str] = field(default_factory=list)
    _secrets: set[str] = field(default_factory=set)
    _running: int = 0
    _overlapped: bool = False
    _connection: sqlite3.Connection | None = None

    def before(self, request: httpx.Request) -> Kept:
        self._running += 1
        self._overlapped = self._overlapped or self._running > 1
        self._remember(dict(parse_qsl(urlsplit(str(request.url)).query)))
        self._remember(self._posted(request))
        return Kept(
            alone=self._running == 1,
            tables=self._tables(),
            cpu=time.process_time(),
            memory=resident_bytes(),
        )

    def after(self, request: httpx.Request, response: httpx.Response, kept: object) -> None:
        assert isinstance(kept, Kept)
        self._running -= 1
        alone = kept.alone and not self._overlapped
        if self._running == 0:
            self._overlapped = False
        if response.headers.get("content-type") == "application/json":
            body = json.loads(response.content or b"{}")
            self._remember(body if isinstance(body, dict) else {})
        self._no_fault(response)
        self._stays_at_home(response)
        self._headers(request, response)
        self._escaped(request, response)
        if self._is_refusal(request, response):
            assert "correlation-id" in response.headers, (request.url.path, response.status_code)
        if "correlation-id" in response.headers:
            self.refusals.append(response.headers["correlation-id"])
            if alone:
                self._changed_nothing(request, response, kept)
        if alone:
            self._cost_little(request, kept)

    # --- O1, O2 -----------------------------------------------------------------------------

    def _no_fault(self, response: httpx.Response) -> None:
        assert response.status_code < 500 or self.faults_allowed, response.text[:400]

    def _stays_at_home(self, response: httpx.Response) -> None:
        redirects = "location" in response.headers and response.status_code != 201
        targets = [response.headers["location"]] if redirects else []
        if response.headers.get("content-type", "").startswith("text/html"):
            assert "http-equiv" not in response.text
            targets += Fields(response.text).actions
        for target in targets:
            if target.startswith((f"{ISSUER}/forward-auth/", f"{ISSUER}/logout")):
                continue  # from a protected host to ours
            assert (target.startswith("/") and not target.startswith("//")) or self._known(
                target
            ), target
            assert "\r" not in target
            assert "\n" not in target

    def _known(self, target: str) -> bool:
        clients, systems = (
            self.world.settings.clients.values(),
            self.world.settings.systems.values(),
        )
        registered = [u for c in clients for u in c.redirect_uris + c.post_logout_redirect_uris]
        registered += [s.endpoints.authorization for s in self.world.settings.sources.values()]
        registered += [u for s in systems if s.ticket for u in s.ticket.return_urls]
        services = [u for s in systems if s.cas for u in s.cas.services]
        if any(target.startswith(u) for u in services):
            return True
        protected = [o for s in systems if s.forward_auth for o in s.forward_auth.origins]
        if any(target.startswith(origin + "/") for origin in protected):
            return True  # its own pages: the proxy in front of it decides which of them are ours
        without_port = re.sub(r"^(http://127\.0\.0\.1):\d+/", r"\1/", target)
        return any(
            place == uri or place.startswith((uri + "?", uri + "&"))
            for uri in registered
            for place in (target, without_port)
        )

    # --- O3 -----------------------------------------------------------------------------------

    def _tables(self) -> object:
        url = self.world.settings.tables.storage.database_url
        if not url.startswith("sqlite:///"):
            return None
        if self._connection is None:
            self._connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        queries = {name: f"SELECT * FROM {name}" for name in TABLES} | _LOOKED_AT_IN_PART
        rows = {name: self._connection.execute(sql).fetchall() for name, sql in queries.items()}
        return rows, self._connection.execute(_REVOKED).fetchall()

    def _changed_nothing(
        self, request: httpx.Request, response: httpx.Response, kept: Kept
    ) -> None:
        after = self._tables()
        if after is None or request.url.path == "/sign-in" or self.changes_allowed:
            return  # a sign-in may succeed and its client still be refused
        assert "__Host-lt-session=" not in response.headers.get("set-cookie", "")
        (rows, revoked), (rows_after, revoked_after) = kept.tables, after  # type: ignore[misc]  # two shapes
        assert rows == rows_after
        assert revoked == revoked_after or request.url.path in TOKEN_PATHS, "only a replay revokes"

    # --- O4 -----------------------------------------------------------------------------------

    def _is_refusal(self, request: httpx.Request, response: httpx.Response) -> bool:
        from_above = request.url.path.startswith("/upstream/")
        known = request.url.path in PROTOCOL | PUBLIC
        if not known and not from_above and not is_scim(request):
            return False
        if 400 <= response.status_code < 500:
            return True
        query = parse_qsl(urlsplit(response.headers.get("location", "")).query)
        return "error" in dict(query)

    def _remember(self, fields: dict[str, str]) -> None:
        self._secrets |= {
            value
            for name, value in fields.items()
            if name in SECRET_FIELDS and isinstance(value, str) and len(value) >= 12
        }

    @staticmethod
    def _posted(request: httpx.Request) -> dict[str, str]:
        try:
            return dict(parse_qsl(request.content.decode("latin-1")[:20_000]))
        except (httpx.RequestNotRead, ValueError):
            return {}

    async def settled(self) -> None:
        """At the end: every refusal is in the audit once, whole, and nothing secret is anywhere."""
        records = await self._records()
        found = Counter(str(record.get("correlation")) for record in records)
        assert set(found) <= set(self.refusals)
        assert all(number == 1 for number in found.values())
        assert len(found) >= min(len(self.refusals), SINGLE_PER_MINUTE)
        for record in records:
            assert all(record.get(name) for name in ("reason", "actor", "client", "endpoint"))
        written = json.dumps(records) + "\n".join(self.logs.lines)
        assert not [secret for secret in self._secrets if secret in written]
        assert not [line for line in self.logs.lines if "\r" in line or "\n" in line]
        hosts = {urlsplit(url).hostname for url in self.egress.urls}
        sources = self.world.settings.sources.values()
        known = {urlsplit(source.endpoints.token).hostname for source in sources}
        known |= {"rp1.test", "portal.test", "onestop.test", "app.test", "land.test", "maps.test"}
        assert hosts <= known, "only registered hosts"
        if self._connection is not None:
            self._connection.close()

    async def _records(self) -> list[dict[str, object]]:
        if self._connection is None:
            return []
        wanted = min(len(self.refusals), SINGLE_PER_MINUTE)
        for _ in range(200):
            rows = self._connection.execute("SELECT fields FROM audit_record").fetchall()
            records = [json.loads(row[0]) for row in rows]
            refusals = [record for record in records if "correlation" in record]
            if len(refusals) >= wanted:
                break
            await asyncio.sleep(0.01)
        return refusals

    # --- O5, O6 -------------------------------------------------------------------------------

    def _headers(self, request: httpx.Request, response: httpx.Response) -> None:
        headers, path = response.headers, request.url.path
        kind = headers.get("content-type", "")
        if kind.startswith("text/html"):
            policy = headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "script-src 'nonce-" in policy
            assert "unsafe" not in policy
        if is_scim(request):
            assert headers["cache-control"] == "no-store"
            assert kind == "application/scim+json"
        if kind.startswith("text/html") or path in PROTOCOL:
            assert headers["cache-control"] == "no-store"
            assert kind in ("application/json", "text/html; charset=utf-8", "")
        if response.content and path not in HEALTH:
            assert headers["x-content-type-options"] == "nosniff"

    def _escaped(self, request: httpx.Request, response: httpx.Response) -> None:
        sent = parse_qsl(urlsplit(str(request.url)).query) + list(self._posted(request).items())
        for _, value in sent:
            if any(mark in value for mark in "<>\"'"):
                assert value not in response.text

    def _cost_little(self, request: httpx.Request, kept: Kept) -> None:
        assert time.process_time() - kept.cpu < CPU_SECONDS
        if request.url.path != "/sign-in":  # hashing a password costs 64 MiB, and means to
            assert resident_bytes() - kept.memory < MEMORY_BYTES
