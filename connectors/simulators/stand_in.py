"""What every stand-in has: its settings, its account table, its sessions, its plain pages."""

import argparse
import html
import json
import secrets
import sqlite3
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from connectors.simulators.plain_pages import PlainPages

SESSION_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInSettings:
    """What a stand-in is told at start, as JSON."""

    name_vi: str
    name_en: str
    address: str
    issuer: str
    database: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    ticket_secret: str = field(default="", repr=False)
    verify_secret: str = field(default="", repr=False)
    identity_secret: str = field(default="", repr=False)
    """What the identity that a proxy passes on is signed with."""
    old_accounts: tuple[dict[str, str], ...] = ()
    colour: str = "#1c5d3a"

    @property
    def port(self) -> int:
        """The port of the own address."""
        return int(self.address.rpartition(":")[2])


def read_settings() -> StandInSettings:
    """The settings in the file that `--config` names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True, type=Path)
    document: dict[str, Any] = json.loads(parser.parse_args().config.read_text("utf-8"))
    document["old_accounts"] = tuple(document.get("old_accounts", ()))
    return StandInSettings(**document)


def serve(application: ASGIApp, settings: StandInSettings) -> None:
    """Run on loopback until told to stop."""
    uvicorn.run(application, host="127.0.0.1", port=settings.port, log_level="warning")


class AccountTable:
    """The system's own accounts and sessions, in its own SQLite file."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, name TEXT, salt TEXT,"
            " digest TEXT);"
            "CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, account TEXT, sid TEXT,"
            " id_token TEXT, expires REAL);"
            "CREATE TABLE IF NOT EXISTS seen (jti TEXT PRIMARY KEY);"
        )

    def remember(self, account: str, name: str) -> None:
        """Create the record at the first visit; refresh the name at later ones."""
        self._database.execute(
            "INSERT INTO account (id, name) VALUES (?, ?)"
            " ON CONFLICT (id) DO UPDATE SET name = coalesce(nullif(excluded.name, ''), name)",
            (account, name),
        )

    def name_of(self, account: str) -> str:
        """The name on the record."""
        row = self._database.execute("SELECT name FROM account WHERE id = ?", (account,)).fetchone()
        return "" if row is None else row[0] or ""

    def add_old(self, account: str, name: str, salt: str, digest: str) -> None:
        """An account of 2009 with its salted digest."""
        self._database.execute(
            "INSERT OR IGNORE INTO account VALUES (?, ?, ?, ?)", (account, name, salt, digest)
        )

    def old_digest(self, account: str) -> tuple[str, str] | None:
        """Salt and digest of an old account."""
        row = self._database.execute(
            "SELECT salt, digest FROM account WHERE id = ? AND digest IS NOT NULL", (account,)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def open_session(self, account: str, sid: str, id_token: str = "") -> str:
        """A new session; the value of its cookie."""
        handle = secrets.token_urlsafe(24)
        self._database.execute(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?)",
            (handle, account, sid, id_token, time.time() + SESSION_SECONDS),
        )
        return handle

    def session(self, handle: str | None) -> tuple[str, str, str] | None:
        """Account, name and ID token of a living session."""
        row = self._database.execute(
            "SELECT a.id, a.name, s.id_token FROM session s JOIN account a ON a.id = s.account"
            " WHERE s.id = ? AND s.expires > ?",
            (handle, time.time()),
        ).fetchone()
        return None if row is None else (row[0], row[1] or "", row[2])

    def end_sid(self, sid: str) -> None:
        """End every session that belongs to the provider's session."""
        self._database.execute("DELETE FROM session WHERE sid = ?", (sid,))

    def end_session(self, handle: str | None) -> None:
        """End one session."""
        self._database.execute("DELETE FROM session WHERE id = ?", (handle,))

    def first_time(self, jti: str) -> bool:
        """Whether this token id is seen for the first time."""
        changed = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (jti,))
        return changed.rowcount == 1


class StandIn:
    """The shell of one stand-in: pages, session cookie, `/whoami`, `/healthz`."""

    def __init__(self, settings: StandInSettings, short: str) -> None:
        self.settings = settings
        self.cookie = f"{short}_session"
        self.pages = PlainPages((settings.name_vi, settings.name_en), settings.colour, short)
        self.accounts = AccountTable(settings.database)
        self.application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        self.application.get("/whoami")(self.whoami)
        self.application.get("/healthz")(self.healthz)

    async def healthz(self) -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    def signed_in(self, request: Request) -> tuple[str, str, str] | None:
        """Account, name and ID token of the caller."""
        return self.accounts.session(request.cookies.get(self.cookie))

    async def whoami(self, request: Request) -> Response:
        """Who the system takes the caller for, for programs."""
        session = self.signed_in(request)
        if session is None:
            return JSONResponse({"signed_in": False, "local_account": None, "greeting": None})
        greeting = f"Xin chào {session[1] or session[0]}"
        return JSONResponse({"signed_in": True, "local_account": session[0], "greeting": greeting})

    def page(self, request: Request, body_vi: str, body_en: str, status: int = 200) -> Response:
        """A plain page in the language of the person."""
        return self.pages.page(request, (body_vi, body_en), status)

    def home(self, request: Request, extra_vi: str = "", extra_en: str = "") -> Response:
        """The start page: a greeting by the own account, or a way to sign in."""
        session = self.signed_in(request)
        if session is None:
            look = "button quiet" if extra_vi else "button"  # one button of weight on a page
            return self.page(
                request,
                f"<h1>Xin chào</h1><p>Quý vị chưa đăng nhập.</p>{extra_vi}<p class=actions>"
                f'<a class="{look}" href="/login">Đăng nhập bằng định danh điện tử</a></p>',
                f"<h1>Welcome</h1><p>You are not signed in.</p>{extra_en}<p class=actions>"
                f'<a class="{look}" href="/login">Sign in with your electronic identity</a></p>',
            )
        account, name = html.escape(session[0]), html.escape(session[1] or session[0])
        return self.page(
            request,
            f"<h1>Xin chào {name}</h1><dl><dt>Tài khoản tại hệ thống này</dt><dd>{account}</dd>"
            f"</dl>{extra_vi}<p class=actions>"
            '<a class="button quiet" href="/logout">Đăng xuất</a></p>',
            f"<h1>Hello {name}</h1><dl><dt>Your account in this system</dt><dd>{account}</dd>"
            f"</dl>{extra_en}<p class=actions>"
            '<a class="button quiet" href="/logout">Sign out</a></p>',
        )

    def leave(self, request: Request, address: str) -> Response:
        """End the own session and send the browser on, to end the provider's."""
        self.accounts.end_session(request.cookies.get(self.cookie))
        response = RedirectResponse(address, 303)
        response.delete_cookie(self.cookie, path="/")
        response.headers["clear-site-data"] = '"cache"'  # what Back would show
        return response

    def enter(self, response: Response, account: str, sid: str, id_token: str = "") -> Response:
        """Give the browser its session cookie."""
        handle = self.accounts.open_session(account, sid, id_token)
        response.set_cookie(self.cookie, handle, httponly=True, samesite="lax", path="/")
        return response
