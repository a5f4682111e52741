"""Our cookies: their names, their flags, and a scan that takes no second meaning."""

from dataclasses import dataclass

from idp.web.http import Header, HttpRequest

MAX_COOKIE = 3800
LAST_SOURCE = "source"
SESSION = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieJar:
    """Names and flags for one deployment.

    With an https issuer every name carries `__Host-`: a sibling host can neither read nor
    plant it. The demo on plain http cannot have that, and says so at start.

    Spec: RFC 6265bis §4.1.3.2
    """

    secure: bool

    def name(self, short: str) -> str:
        """The full name of a cookie."""
        return f"__Host-lt-{short}" if self.secure else f"lt-{short}"

    def read(self, request: HttpRequest, short: str) -> str | None:
        """The value, or None where it is absent or was sent twice (a planted twin)."""
        wanted = self.name(short).encode() + b"="
        found = [
            part.strip().removeprefix(wanted)
            for name, header in request.fields
            if name == b"cookie" and wanted in header
            for part in header.split(b";")
            if part.strip().startswith(wanted)
        ]
        if len(found) != 1 or not found[0].isascii() or len(found[0]) > MAX_COOKIE:
            return None
        return found[0].decode("ascii")

    def set(self, short: str, value: str, max_age_seconds: int | None = None) -> Header:
        """Set-Cookie. Without `max_age_seconds` the browser forgets it when it is closed."""
        age = "" if max_age_seconds is None else f"; Max-Age={max_age_seconds}"
        secure = "; Secure" if self.secure else ""
        text = f"{self.name(short)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"
        return (b"set-cookie", text.encode("ascii"))

    def clear(self, short: str) -> Header:
        """Set-Cookie that removes it."""
        return self.set(short, "", 0)
