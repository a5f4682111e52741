"""Responses by the POST binding: a page that posts itself."""

import base64
from collections.abc import Mapping

from connectors.contract import LocalText
from connectors.saml.bindings import plain
from idp.web.doors import Reading, origin_of
from idp.web.http import Answer, HttpRequest
from idp.web.page_answers import PageAnswers
from idp.web.views import FormPostView

AGAIN = "again"


class Posting:
    """Puts a message into a form: a response for the verified address, or a request for ourselves.

    Spec: SAML Bindings 2.0 §3.5.4
    """

    def __init__(self, pages: PageAnswers) -> None:
        self._pages = pages

    def response(
        self, request: HttpRequest, reading: Reading, xml: str, relay_state: str | None
    ) -> Answer:
        """The page; RelayState goes back as it came."""
        fields = {"SAMLResponse": base64.b64encode(xml.encode()).decode("ascii")}
        if relay_state is not None:
            fields["RelayState"] = relay_state
        nonce = self._pages.nonce()
        locale = self._pages.locale(request, reading.ui_locales)
        view = FormPostView(
            locale=locale,
            nonce=nonce,
            target=reading.return_address,
            fields=fields,
            participant_name=reading.sign_in.participant_name.for_locale(locale),
        )
        body = self._pages.pages.form_post(view)
        return self._pages.page(body, nonce, form_targets=(origin_of(reading.return_address),))

    def again(
        self, request: HttpRequest, sent: Mapping[str, str], name: LocalText, then: str
    ) -> Answer:
        """The same request once more, to the same path of ours, and from there on to `then`.

        Why: a form of another site comes without our cookie, one of our own page with it. A message
        names a person, so it must not go on in an address, which stands in logs and histories.

        Spec: RFC 6265bis §5.6.7 (SameSite=Lax)
        """
        nonce = self._pages.nonce()
        locale = self._pages.locale(request)
        view = FormPostView(
            locale=locale,
            nonce=nonce,
            target=request.path,
            fields={key: plain(value) for key, value in sent.items()} | {AGAIN: "1"},
            participant_name=name.for_locale(locale),
            lead="logout_post.lead",
        )
        body = self._pages.pages.form_post(view)
        return self._pages.page(body, nonce, form_targets=(origin_of(then),))
