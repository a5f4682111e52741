"""Responses by the POST binding: a page that posts itself."""

import base64

from idp.web.doors import Reading, origin_of
from idp.web.http import Answer, HttpRequest
from idp.web.page_answers import PageAnswers
from idp.web.views import FormPostView


class Posting:
    """Puts a response into a form for the verified address.

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
