"""The answer of a SAML source: brought by a form of another site, taken from a form of ours."""

from collections.abc import Mapping
from dataclasses import replace

from connectors.errors import SamlRefused
from connectors.saml.bindings import octets_of
from connectors.sources.callback import Answer as UpstreamAnswer
from connectors.sources.callback import Declined, Posted
from connectors.sources.model import Source, SourceId
from connectors.sources.saml.response import read_unread
from idp.errors import PageRefused
from idp.web.http import Answer, HttpRequest
from idp.web.page_answers import PageAnswers
from idp.web.stages.upstream import UpstreamStage
from idp.web.views import FormPostView, GoOnView

FIELD = "SAMLResponse"


class SamlReturn:
    """`/upstream/<source>/acs` and, from its page, `/upstream/<source>/callback`.

    Why two: a form of another site brings no cookie (SameSite=Lax), so the browser could not be
    told from any other. The page posts the same value once more, from ourselves.
    """

    def __init__(
        self, *, sources: Mapping[SourceId, Source], stage: UpstreamStage, answers: PageAnswers
    ) -> None:
        self._sources = sources
        self._stage = stage
        self._answers = answers

    async def bring(self, request: HttpRequest, source_id: SourceId) -> Answer:
        """POST from the source: the page that posts on to ourselves. RelayState is not read.

        Spec: SAML Bindings 2.0 §3.5.4
        Raises: PageRefused.
        """
        source, locale = self._sources[source_id], self._answers.locale(request)
        nonce = self._answers.nonce()
        view = FormPostView(
            locale=locale,
            nonce=nonce,
            target=source.callback_path,
            fields={FIELD: _response_in(request)},
            participant_name=self._answers.service_name(locale),
        )
        return self._answers.page(self._answers.pages.form_post(view), nonce)

    async def take(self, request: HttpRequest, source_id: SourceId) -> Answer:
        """POST from ourselves: the answer, in the browser that was sent to the source.

        Raises: PageRefused.
        """
        source, now = self._sources[source_id], int(request.received_at)
        try:
            unread = read_unread(octets_of(_response_in(request)))
        except SamlRefused as refused:
            raise PageRefused("upstream_refused", detail=f"upstream: saml: {refused}") from None

        def read() -> UpstreamAnswer:
            if unread.declined is not None:
                return Declined(unread.declined)
            return Posted(unread.raw)

        answer = await self._stage.answered(request, source, unread.answers, read, now)
        return self._led_on(request, answer) if answer.status == 303 else answer

    def _led_on(self, request: HttpRequest, answer: Answer) -> Answer:
        """The same answer as a page that leads on.

        Why: a form may only lead where the page that held it allows (CSP `form-action`), redirects
        included, and at that page nobody knew yet to which system the person wants to go.
        """
        target = next(value for name, value in answer.headers if name == b"location")
        kept = tuple(header for header in answer.headers if header[0] == b"set-cookie")
        nonce = self._answers.nonce()
        view = GoOnView(
            locale=self._answers.locale(request), nonce=nonce, target=target.decode("latin-1")
        )
        page = self._answers.page(self._answers.pages.go_on(view), nonce)
        return replace(page, refusal=answer.refusal).with_headers(
            *kept, (b"refresh", b"0;url=" + target)
        )


def _response_in(request: HttpRequest) -> str:
    form = request.form()
    form.refuse_repeated()
    if not form.get(FIELD):
        raise PageRefused("upstream_refused", detail="upstream: saml: SAMLResponse is missing")
    return form.get(FIELD, "")
