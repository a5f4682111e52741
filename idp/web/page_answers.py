"""A rendered page as an answer: its headers, its nonce, its language."""

from connectors.contract import Locale
from idp.ports import Entropy
from idp.protocol.languages import language_for
from idp.web.cookies import CookieJar
from idp.web.http import NO_SNIFF, NO_STORE, Answer, Header, HttpRequest
from idp.web.pages import Pages

HTML: Header = (b"content-type", b"text/html; charset=utf-8")
LANGUAGE_COOKIE = "lang"
YEAR_SECONDS = 365 * 86400


class PageAnswers:
    """Puts pages on the wire with one set of security headers."""

    def __init__(self, pages: Pages, cookies: CookieJar, entropy: Entropy) -> None:
        self.pages = pages
        self._cookies = cookies
        self._entropy = entropy

    def nonce(self) -> str:
        """A fresh nonce for one page."""
        return self._entropy(12).hex()

    def locale(self, request: HttpRequest, ui_locales: str | None = None) -> Locale:
        """The language of a page; see `language_for` for whose word counts first."""
        return language_for(
            ui_locales=ui_locales,
            remembered=self._cookies.read(request, LANGUAGE_COOKIE),
            accepted=request.header(b"accept-language").decode("latin-1"),
        )

    def service_name(self, locale: Locale) -> str:
        """How this service is called."""
        return self.pages.service_name(locale)

    def remember(self, locale: Locale) -> Header:
        """Set-Cookie for the language that the person chose."""
        return self._cookies.set(LANGUAGE_COOKIE, locale, YEAR_SECONDS)

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
