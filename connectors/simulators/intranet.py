"""A staff intranet that knows of no protocol: it believes a signed header, and nothing else.

Run by itself, it brings a small proxy of its own; behind nginx or another one, it is only the
application (`--behind-a-proxy`).
"""

import hmac
import json
import sys
import time
from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from connectors.simulators.asking_proxy import AskingProxy
from connectors.simulators.stand_in import StandIn, StandInSettings, read_settings, serve

SYSTEM_ID = "intranet"
HEADERS = ("x-lienthong-identity", "x-lienthong-identity-2")
SKEW_SECONDS = 10


class Intranet(StandIn):
    """Keeps no sessions: every request says who comes, and is asked about afresh."""

    def __init__(self, settings: StandInSettings) -> None:
        super().__init__(settings, "intranet")
        self._system = settings.client_id or SYSTEM_ID
        for old in settings.old_accounts:
            self.accounts.remember(old["account"], old["name"])
        self.application.get("/")(self.start)
        self.application.get("/notices/{number}")(self.start)
        self.application.get("/public/opening-hours")(self.opening_hours)
        self.application.get("/logout")(self.logout)

    def signed_in(self, request: Request) -> tuple[str, str, str] | None:
        """The own account of whoever a signed header names; plain headers are not looked at."""
        for header in HEADERS:
            claims = self._read(request.headers.get(header, ""))
            if claims is not None:
                account = str(claims.get("local_account") or claims["sub"])
                self.accounts.remember(account, str(claims.get("name", "")))
                return account, self.accounts.name_of(account), ""
        return None

    async def start(self, request: Request) -> Response:
        """A page of the intranet, for staff whom the proxy brought."""
        if self.signed_in(request) is None:
            return self.page(
                request,
                "<h1>Chưa vào được</h1><p>Trang này chỉ mở qua cổng của cơ quan.</p>",
                "<h1>Not this way</h1><p>This page opens through the agency's gateway only.</p>",
                403,
            )
        return self.home(request)

    async def opening_hours(self, request: Request) -> Response:
        """The one page for everybody."""
        return self.page(
            request,
            "<h1>Giờ làm việc</h1><p>Thứ Hai đến thứ Sáu, 7 giờ 30 đến 17 giờ.</p>",
            "<h1>Opening hours</h1><p>Monday to Friday, 7.30 to 17.00.</p>",
        )

    async def logout(self) -> Response:
        """There is no session here: the gateway forgets the visit, the provider its session."""
        return RedirectResponse("/.lienthong/sign-out", 303)

    def _read(self, token: str) -> dict[str, Any] | None:
        try:
            head, payload, signature = token.split(".")
            key = self.settings.identity_secret.encode()
            computed = hmac.digest(key, f"{head}.{payload}".encode(), "sha256")
            if not key or not hmac.compare_digest(computed, _decode(signature)):
                return None  # nothing unsigned is ever parsed
            header, claims = json.loads(_decode(head)), json.loads(_decode(payload))
            known = header == {"alg": "HS256", "typ": "forward-auth+jwt"}
            ours = claims["aud"] == self._system and claims["iss"] == self.settings.issuer
            here = claims["host"] == urlsplit(self.settings.address).netloc
            now = time.time()
            young = claims["iat"] < now + SKEW_SECONDS and now < claims["exp"]
        except (ValueError, KeyError, TypeError):
            return None
        return dict(claims) if known and ours and here and young else None


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


if __name__ == "__main__":
    alone = "--behind-a-proxy" not in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--behind-a-proxy"]
    found = read_settings()
    made = Intranet(found).application
    serve(AskingProxy(made, issuer=found.issuer, address=found.address) if alone else made, found)
