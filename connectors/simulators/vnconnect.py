"""A simulated VNConnect: the paths, the claims and the habits of the National Portal's sign-on."""

import hashlib
import json
import secrets
import time
from urllib.parse import urlencode

import httpx
from fastapi import Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from connectors.simulators.upstream_faults import Fault
from connectors.simulators.upstream_people import Citizen
from connectors.simulators.upstream_source import (
    Granted,
    UpstreamSettings,
    UpstreamSource,
    read_settings,
    start,
)
from keys import base64url
from keys.jwks import generate, public_jwk
from keys.signer import Signer

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
COOKIE = "vnconnect_sid"


class VnConnect(UpstreamSource):
    """Gives an ID token, checks PKCE where it is sent, tells clients when a session ends."""

    prefix = "/oauth2"

    def __init__(self, settings: UpstreamSettings) -> None:
        super().__init__(settings, "vnconnect")
        key = generate("RS256")
        self.jwk = public_jwk(key, "RS256")
        self.signer = Signer(self.jwk["kid"], "RS256", key)
        self._unpublished = Signer(self.jwk["kid"], "RS256", generate("RS256"))
        self.jwks_asked = 0
        self.sessions: dict[str, str] = {}
        self.application.get("/oauth2/jwks")(self.jwks)
        self.application.get("/oidc/logout")(self.logout)

    async def jwks(self) -> Response:
        """The public key."""
        self.jwks_asked += 1
        if Fault.DOWN in self.faults:
            return JSONResponse({"error": "temporarily_unavailable"}, 503)
        return JSONResponse({"keys": [self.jwk]})

    def claims(self, person: Citizen) -> dict[str, object]:
        """The claims as clients of the portal read them."""
        year_only = Fault.YEAR_ONLY in self.faults
        told: dict[str, object] = {
            "sub": person.subject,
            "TechID": person.subject,
            "LoaiTaiKhoan": "2" if person.business else "1",
            "HoVaTen": person.full_name(self.faults),
            "SoDinhDanh": person.personal_number(self.faults),
            "SoCMND": "",
            "NgayThangNamSinh": person.birthdate[:4]
            if year_only
            else person.birthdate.replace("-", ""),
            "MaSoThue": person.tax_code,
            "TenDoanhNghiep": person.business,
            "HoChieu": person.passport,
            "ThuDienTu": "",
            "loginIdp": "BCA",
        }
        if Fault.WRONG_CLAIMS in self.faults:
            del told["LoaiTaiKhoan"]
            told["HoVaTen"] = [person.given_name]
        return told

    def id_token(self, granted: Granted, access_token: str) -> dict[str, str]:
        """Signed, for the client, with the nonce where one was sent."""
        self.sessions[granted.sid] = granted.person.subject
        claims = self.id_claims(granted, access_token)
        signer = self._unpublished if Fault.WRONG_KEY in self.faults else self.signer
        return {"id_token": signer.sign("JWT", json.dumps(claims).encode())}

    def id_claims(self, granted: Granted, access_token: str) -> dict[str, object]:
        """What the ID token says."""
        now = int(time.time()) - (3600 if Fault.EXPIRED in self.faults else 0)
        digest = hashlib.sha256(access_token.encode()).digest()
        claims: dict[str, object] = {
            "iss": self.settings.address,
            "sub": granted.person.subject,
            "aud": self.settings.client_id,
            "azp": self.settings.client_id,
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "acr": f"LoA{granted.person.level}",
            "amr": ["pwd"],
            "sid": granted.sid,
            "at_hash": base64url.encode(digest[:16]).decode(),
        }
        if Fault.NO_NONCE in self.faults:
            return claims | {"nonce_supported": False}
        if "nonce" in granted.query:
            claims["nonce"] = granted.query["nonce"]
        return claims

    def _redeemed(self, form: dict[str, str]) -> Granted | None:
        granted = super()._redeemed(form)
        if granted is None or "code_challenge" not in granted.query:
            return granted
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        fits = base64url.encode(digest).decode() == granted.query["code_challenge"]
        # A server that hands codes out twice does not check much else either.
        return granted if fits or Fault.CODE_REPLAY in self.faults else None

    async def logout(self, request: Request) -> Response:
        """End every session here, and tell the client (OIDC Back-Channel Logout 1.0)."""
        for sid in list(self.sessions):
            await self.tell_end(sid)
        target = request.query_params.get("post_logout_redirect_uri", "")
        known = any(
            target.startswith(uri.rpartition("/upstream/")[0])
            for uri in self.settings.redirect_uris
        )
        state = request.query_params.get("state")
        if state:
            target += f"?{urlencode({'state': state})}"
        return RedirectResponse(target, 303) if target and known else JSONResponse({"ended": True})

    def logout_token(self, sid: str) -> str:
        """What tells the client that a session ended."""
        now = int(time.time())
        claims = {
            "iss": self.settings.address,
            "aud": self.settings.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(16),
            "sub": self.sessions[sid],
            "sid": sid,
            "events": {LOGOUT_EVENT: {}},
        }
        return self.signer.sign("logout+jwt", json.dumps(claims).encode())

    async def tell_end(self, sid: str) -> None:
        """One session: once told, it is forgotten."""
        token = self.logout_token(sid)
        del self.sessions[sid]
        if self.settings.backchannel_logout_uri:
            async with httpx.AsyncClient(trust_env=False, timeout=3) as client:
                await client.post(
                    self.settings.backchannel_logout_uri, data={"logout_token": token}
                )


if __name__ == "__main__":
    found = read_settings()
    start(VnConnect(found).application, found)
