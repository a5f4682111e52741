"""What both simulated sources are: pages, codes that are redeemed once, tokens, faults."""

import argparse
import asyncio
import html
import json
import secrets
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from connectors.simulators.asked_requests import REFERENCE_SECONDS, AskedRefused, AskedRequests
from connectors.simulators.plain_pages import PlainPages
from connectors.simulators.upstream_faults import Fault, Faults
from connectors.simulators.upstream_people import PEOPLE, Citizen

CODE_SECONDS = 120
SLOW_SECONDS = 5.0
MAX_PENDING = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """What a simulated source is told at start, as JSON.

    `python -m connectors.simulators.vneid --config FILE`, on loopback only.
    """

    name_vi: str
    name_en: str
    address: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    backchannel_logout_uri: str = ""
    """Where the client hears of sessions that end here (VNConnect)."""
    recipient_key_file: str = ""
    """The client's public RSA key, for which answers are sealed (VNeID)."""
    key_wrap: str = "RSA-OAEP-256"
    cipher: str = "A256GCM"
    client_key_file: str = ""
    """The client's public RSA key, under which its requests are signed."""
    require_par: bool = False
    """Whether a request that was not pushed is refused."""
    require_request_object: bool = False
    """Whether a request that is not signed is refused."""
    colour: str = "#a3161a"
    people: tuple[Citizen, ...] = PEOPLE


def read_settings() -> UpstreamSettings:
    """The settings in the file that `--config` names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True, type=Path)
    document = json.loads(parser.parse_args().config.read_text("utf-8"))
    document["redirect_uris"] = tuple(document["redirect_uris"])
    if "people" in document:
        document["people"] = tuple(Citizen(**person) for person in document["people"])
    return UpstreamSettings(**document)


def start(application: FastAPI, settings: UpstreamSettings) -> None:
    """Run on loopback until told to stop."""
    port = urlsplit(settings.address).port or 80
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning", access_log=False)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code, or the token that it became, stands for."""

    person: Citizen
    query: dict[str, str]
    sid: str
    at: float


class UpstreamSource(ABC):
    """The shell: one page with the people, one code for a choice, faults by `/faults`."""

    prefix = ""

    def __init__(self, settings: UpstreamSettings, short: str) -> None:
        self.settings = settings
        self.faults = Faults()
        self.people = {person.key: person for person in settings.people}
        key_file = settings.client_key_file
        client_key = Path(key_file).read_bytes() if key_file else b""
        self._asked = AskedRequests(settings.address, settings.client_id, client_key)
        self._pages = PlainPages((settings.name_vi, settings.name_en), settings.colour, short)
        self._codes: dict[str, Granted] = {}
        self._used: dict[str, Granted] = {}
        self._tokens: dict[str, Granted] = {}
        self.application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        routes = self.application
        routes.get("/healthz")(self.healthz)
        routes.get("/faults")(self.told_faults)
        routes.post("/faults")(self.switch_fault)
        routes.get(f"{self.prefix}/authorize")(self.authorize)
        routes.get(f"{self.prefix}/choose/{{key}}")(self.choose)
        routes.post(f"{self.prefix}/par")(self.push)
        routes.post(f"{self.prefix}/token")(self.token)
        routes.post(f"{self.prefix}/userinfo")(self.userinfo)

    async def healthz(self) -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    async def told_faults(self) -> Response:
        """Which faults are on."""
        return JSONResponse(self.faults.told())

    async def switch_fault(self, request: Request) -> Response:
        """`{"fault": "slow", "on": true}`."""
        document = await request.json()
        try:
            self.faults.switch(Fault(document["fault"]), on=document["on"] is True)
        except (KeyError, ValueError, TypeError):
            return JSONResponse({"error": "no such fault"}, 400)
        return JSONResponse(self.faults.told())

    async def authorize(self, request: Request) -> Response:
        """The page on which a person says who they are; nothing is asked for, since nobody is real."""
        if Fault.DOWN in self.faults:
            return _down()
        try:
            query = self._understood(dict(request.query_params), pushed=False)
        except AskedRefused as refused:
            return JSONResponse({"error": str(refused)}, 400)
        if (
            query.get("client_id") != self.settings.client_id
            or query.get("redirect_uri") not in self.settings.redirect_uris
            or query.get("response_type") != "code"
        ):
            return self._pages.page(
                request, ("<h1>Yêu cầu không hợp lệ</h1>", "<h1>Invalid request</h1>"), 400
            )
        kept = html.escape(urlencode(query))
        people = "".join(
            f'<a class="button" href="{self.prefix}/choose/{person.key}?{kept}">'
            f"{html.escape(person.business or person.full_name(self.faults))}</a>"
            for person in self.people.values()
        )
        no = f'<a class="button quiet" href="{self.prefix}/choose/none?{kept}">'
        return self._pages.page(
            request,
            (
                f"<h1>Quý vị là ai?</h1><p class=actions>{people}{no}Dừng lại</a></p>",
                f"<h1>Who are you?</h1><p class=actions>{people}{no}Stop</a></p>",
            ),
        )

    async def push(self, request: Request) -> Response:
        """Take a request from the client itself (RFC 9126 §2)."""
        if Fault.DOWN in self.faults:
            return _down()
        if Fault.PAR_NONSENSE in self.faults:
            return Response("<html>", 201)
        form = {key: str(value) for key, value in (await request.form()).items()}
        if not self._authenticated(form):
            return JSONResponse({"error": "invalid_client"}, 401)
        del form["client_secret"]
        if Fault.NO_PAR in self.faults or "request_uri" in form:
            return JSONResponse({"error": "invalid_request"}, 400)
        try:
            asked = self._understood(form, pushed=True)
        except AskedRefused as refused:
            return JSONResponse({"error": str(refused)}, 400)
        seconds = 0 if Fault.PAR_EXPIRED in self.faults else REFERENCE_SECONDS
        reference = self._asked.push(asked, time.time())
        return JSONResponse({"request_uri": reference, "expires_in": seconds}, 201)

    def _understood(self, query: dict[str, str], *, pushed: bool) -> dict[str, str]:
        """What is asked, whichever way it came. Raises: AskedRefused."""
        if "request_uri" in query:
            return self._asked.pulled(query, time.time())
        if self.settings.require_par and not pushed:
            raise AskedRefused("invalid_request")
        if "request" in query:
            return self._asked.opened(query, time.time())
        if self.settings.require_request_object:
            raise AskedRefused("invalid_request_object")
        return query

    async def choose(self, request: Request, key: str) -> Response:
        """Back to the client with a code, or with a refusal."""
        query = dict(request.query_params)
        target = query.get("redirect_uri", "")
        if target not in self.settings.redirect_uris:
            return JSONResponse({"error": "invalid_request"}, 400)
        person = self.people.get(key)
        if person is None:
            refusal = {"error": "access_denied", "state": query.get("state", "")}
            return RedirectResponse(f"{target}?{urlencode(refusal)}", 303)
        code = self._code(Granted(person, query, secrets.token_hex(16), time.time()))
        # As it was seen: the code holds a `+`, and is put into the address as it is.
        return RedirectResponse(f"{target}?code={code}&state={query.get('state', '')}", 303)

    def _code(self, granted: Granted) -> str:
        if Fault.CODE_REPLAY in self.faults and self._used:
            return next(reversed(self._used))
        if len(self._codes) > MAX_PENDING:
            self._codes.clear()
        code = f"{secrets.token_urlsafe(18)}+{secrets.token_urlsafe(6)}"
        self._codes[code] = granted
        return code

    async def token(self, request: Request) -> Response:
        """Redeem a code, once."""
        if Fault.DOWN in self.faults:
            return _down()
        if Fault.SLOW in self.faults:
            await asyncio.sleep(SLOW_SECONDS)
        form = {key: str(value) for key, value in (await request.form()).items()}
        if not self._authenticated(form):
            return JSONResponse({"error": "invalid_client"}, 401)
        granted = self._redeemed(form)
        if granted is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        access_token = secrets.token_urlsafe(24)
        self._tokens[access_token] = granted
        answer = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300}
        return JSONResponse(self.sealed(answer | self.id_token(granted, access_token)))

    def _authenticated(self, form: dict[str, str]) -> bool:
        given = form.get("client_secret", "").encode()
        right = secrets.compare_digest(given, self.settings.client_secret.encode())
        return right and form.get("client_id") == self.settings.client_id

    def _redeemed(self, form: dict[str, str]) -> Granted | None:
        code = form.get("code", "")
        granted = self._codes.pop(code, None)
        if granted is None and Fault.CODE_REPLAY in self.faults:
            granted = self._used.get(code)
        if granted is None or time.time() > granted.at + CODE_SECONDS:
            return None
        self._used[code] = granted
        return granted if form.get("redirect_uri") == granted.query["redirect_uri"] else None

    async def userinfo(self, request: Request) -> Response:
        """Who the token was made for."""
        if Fault.DOWN in self.faults:
            return _down()
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        granted = self._tokens.get(token)
        if granted is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.sealed(self.claims(granted.person)))

    # --- what each source fills in ----------------------------------------------------------

    @abstractmethod
    def claims(self, person: Citizen) -> dict[str, object]:
        """What is told of a person."""

    def id_token(self, granted: Granted, access_token: str) -> dict[str, str]:
        """The member `id_token`, where there is one."""
        _ = granted, access_token
        return {}

    def sealed(self, answer: dict[str, object]) -> dict[str, object]:
        """The answer as it is sent."""
        return answer


def _down() -> Response:
    return JSONResponse({"error": "temporarily_unavailable"}, 503)
