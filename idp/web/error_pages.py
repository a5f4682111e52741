"""The error page, in either language.

Why a sealed link: the request that was refused is not made again for the sake of the language. It
would be refused under another number than the one that the person has just read out; a form that
was posted has no address to go back to; and nothing that was sent is ever written into a page.
"""

from collections.abc import Mapping
from dataclasses import replace

import orjson

from connectors.contract import LOCALES, Locale
from idp.errors import PageRefused
from idp.ports import Entropy
from idp.protocol.form import parse_form
from idp.protocol.languages import named
from idp.web.http import Answer, Header, HttpRequest, Refusal
from idp.web.page_answers import PageAnswers
from idp.web.views import NoticeView
from keys.errors import SealBroken
from keys.seal import Sealer

PREFIX = "er"
ERROR_PATH = "/error"
KEPT_SECONDS = 900


class ErrorPages:
    """Tells what went wrong and under which number it was kept; never any detail."""

    def __init__(self, answers: PageAnswers, sealer: Sealer, entropy: Entropy) -> None:
        self._answers = answers
        self._sealer = sealer
        self._entropy = entropy

    def refused(self, request: HttpRequest, refusal: Refusal, status: int) -> Answer:
        """The error page of a refusal: it shows the number of its audit record."""
        number = self._entropy(8).hex()
        page = self._numbered(request, refusal.reason, status, number)
        return page.refused(replace(refusal, correlation=number))

    def fault(self, request: HttpRequest, number: str) -> Answer:
        """The page of an unexpected fault: it shows the number of its line in the log."""
        return self._numbered(request, "server_error", 500, number)

    def not_found(self, request: HttpRequest, chosen: Locale | None, status: int) -> Answer:
        """There is no such page. Nothing was refused, so there is no number to ask about.

        Its address can be asked again, in a language: what it held is not written into the page.
        """
        locale = chosen or self._answers.locale(request)
        links: dict[str, str] = {lang: f"?lang={lang}" for lang in LOCALES}
        return self._page("not_found", status, None, locale, links, *self._remember(chosen))

    async def again(self, request: HttpRequest) -> Answer:
        """GET /error: an error page of a moment ago, in the language of the link.

        Raises: PageRefused where the link is not ours, or is too old.
        """
        form, now = parse_form(request.query), int(request.received_at)
        about = form.get("about", "")
        try:
            row = orjson.loads(self._sealer.open_handle(PREFIX, about))
        except SealBroken:
            raise PageRefused("invalid_request", detail="link to an error page") from None
        reason, number, shown_at = row
        if now >= shown_at + KEPT_SECONDS:
            raise PageRefused("invalid_request", detail="link to an old error page")
        chosen = named(form.get("lang"))
        locale = chosen or self._answers.locale(request)
        return self._page(reason, 200, number, locale, _links(about), *self._remember(chosen))

    def _numbered(self, request: HttpRequest, reason: str, status: int, number: str) -> Answer:
        row = orjson.dumps([reason, number, int(request.received_at)])
        links = _links(self._sealer.seal_handle(PREFIX, row))
        return self._page(reason, status, number, self._answers.locale(request), links)

    def _page(
        self,
        reason: str,
        status: int,
        number: str | None,
        locale: Locale,
        links: Mapping[str, str],
        *headers: Header,
    ) -> Answer:
        nonce = self._answers.nonce()
        view = NoticeView(
            locale=locale, nonce=nonce, lang_links=links, reason=reason, correlation=number
        )
        return self._answers.page(self._answers.pages.notice(view), nonce, status, *headers)

    def _remember(self, chosen: Locale | None) -> tuple[Header, ...]:
        return (self._answers.remember(chosen),) if chosen else ()


def _links(about: str) -> dict[str, str]:
    return {lang: f"{ERROR_PATH}?about={about}&lang={lang}" for lang in LOCALES}
