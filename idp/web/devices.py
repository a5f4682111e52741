"""The cookie of a browser that has signed in before: it keeps strangers' guesses apart."""

import orjson

from connectors.contract import SubjectId
from idp.authn.throttle import KnownDevice
from idp.ports import Entropy
from idp.web.cookies import CookieJar
from idp.web.http import Header, HttpRequest
from keys.errors import SealBroken
from keys.seal import Sealer

PREFIX = "dv"
COOKIE = "device"
HALF_YEAR_SECONDS = 180 * 86400


class DeviceCookies:
    """Seals and opens device cookies."""

    def __init__(self, sealer: Sealer, cookies: CookieJar, entropy: Entropy) -> None:
        self._sealer = sealer
        self._cookies = cookies
        self._entropy = entropy

    def read(self, request: HttpRequest) -> KnownDevice | None:
        """The device, where its cookie is ours."""
        value = self._cookies.read(request, COOKIE)
        if value is None:
            return None
        try:
            device_id, subject = orjson.loads(self._sealer.open_handle(PREFIX, value))
        except SealBroken:
            return None
        return KnownDevice(device_id=device_id, subject=SubjectId(subject))

    def header(self, request: HttpRequest, subject: SubjectId) -> Header:
        """Set-Cookie after a complete sign-in; the same person keeps the same device id."""
        known = self.read(request)
        device_id = known.device_id if known and known.subject == subject else None
        raw = orjson.dumps([device_id or self._entropy(16).hex(), subject])
        return self._cookies.set(COOKIE, self._sealer.seal_handle(PREFIX, raw), HALF_YEAR_SECONDS)
