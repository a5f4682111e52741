"""A rendered page as an answer: its headers, its nonce, its language."""

from connectors.contract import Locale
from idp.ports import Entropy
from idp.web.cookies import CookieJar
from idp.web.http import NO_SNIFF, NO_STORE, Answer, Header, HttpRequest
from idp.web.pages import Pages
from idp.web.texts import locale_for
from idp.web.views import NoticeView

HTML: Header = (b"content-type", b"text/html; charset=utf-8")
LANGUAGE_COOKIE = "lang"


class PageAnswers:
    """Puts pages on the wire with one set of security headers."""

    def __init__(self, pages: Pages, cookies: CookieJar, entropy: Entropy) -> None:
        self.pages = pages
        self._cookies = cookies
        self._entropy = entropy

    def nonce(self) -> str:
        """A fresh nonce for one page."""
        return self._entropy(12).hex()

    def locale(self, request: HttpRequest, *preferences: str | None) -> Locale:
        """The language: what the flow says, then the person's cookie, then the browser."""
        accepted = request.header(b"accept-language").decode("latin-1")
        return locale_for(*preferences, self._cookies.read(request, LANGUAGE_COOKIE), accepted)

    def page(
        self,
        body: bytes,
        nonce: str,
        status: int = 200,
        *headers: Header,
        form_targets: tuple[str, ...] = (),
    ) -> Answer:
        """HTML that nobody frames, caches or scripts. `form_targets`: origins beside our own that
        a form, or what it redirects to, may reach.

        Spec: CSP Level 3 §6.3
        """
        targets = " ".join(("'self'", *form_targets))
        policy = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            f"script-src 'nonce-{nonce}'; form-action {targets}; frame-ancestors 'none'"
        )
        fixed: tuple[Header, ...] = (
            HTML,
            NO_STORE,
            NO_SNIFF,
            (b"content-security-policy", policy.encode("ascii")),
            (b"referrer-policy", b"no-referrer"),
            (b"x-frame-options", b"DENY"),
        )
        return Answer(status=status, body=body, headers=fixed + headers)

    def error(self, request: HttpRequest, reason: str, status: int) -> Answer:
        """The error page."""
        return self._notice(request, reason, status, None)

    def fault(self, request: HttpRequest, correlation: str) -> Answer:
        """The page of an unexpected fault: a correlation id, and no detail."""
        return self._notice(request, "server_error", 500, correlation)

    def _notice(
        self, request: HttpRequest, reason: str, status: int, correlation: str | None
    ) -> Answer:
        nonce = self.nonce()
        view = NoticeView(
            locale=self.locale(request), nonce=nonce, reason=reason, correlation=correlation
        )
        return self.page(self.pages.notice(view), nonce, status)
