"""What services ask: /cas/validate, serviceValidate, proxyValidate, proxy, and those of CAS 3."""

from collections.abc import Awaitable, Callable

from connectors.systems.cas.answers import (
    PLAIN_FAILURE,
    Success,
    failure_document,
    plain_success,
    proxy_document,
    proxy_failure_document,
    success_document,
)
from connectors.systems.cas.failures import CasRefused, FailureCode
from connectors.systems.cas.ticket import TicketKind
from idp.errors import OAuthError
from idp.flows.cas_proxying import CasProxying
from idp.flows.cas_validation import CasValidation
from idp.protocol.form import Form, parse_form
from idp.web.answers import api
from idp.web.http import NO_SNIFF, NO_STORE, Answer, Endpoint, Header, HttpRequest, Refusal

XML: Header = (b"content-type", b"application/xml; charset=utf-8")
TEXT: Header = (b"content-type", b"text/plain; charset=utf-8")
SERVICE = frozenset({TicketKind.SERVICE})
EITHER = SERVICE | {TicketKind.PROXY}


def cas_endpoints(validation: CasValidation, proxying: CasProxying) -> dict[str, Endpoint]:
    """All of them, by path. A refusal is an answer like any other here: its status is 200.

    Spec: CAS Protocol 3.0 §2.4 to §2.8
    """

    def validating(
        accepted: frozenset[TicketKind], render: Callable[[Success], str], failure: _Failure
    ) -> Endpoint:
        async def answer(form: Form, now: int) -> str:
            return render(await validation.validate(form, accepted, now))

        return _endpoint(answer, failure)

    plain, document = _Failure(TEXT, lambda _: PLAIN_FAILURE), _Failure(XML, failure_document)
    return {
        "/cas/validate": validating(SERVICE, lambda success: plain_success(success.user), plain),
        "/cas/serviceValidate": validating(SERVICE, _bare, document),
        "/cas/proxyValidate": validating(EITHER, _bare, document),
        "/cas/p3/serviceValidate": validating(SERVICE, _with_attributes, document),
        "/cas/p3/proxyValidate": validating(EITHER, _with_attributes, document),
        "/cas/proxy": _endpoint(
            lambda form, now: _proxy_ticket(proxying, form, now),
            _Failure(XML, proxy_failure_document),
        ),
    }


class _Failure:
    """How one endpoint says no."""

    def __init__(self, kind: Header, write: Callable[[FailureCode], str]) -> None:
        self.kind = kind
        self._write = write

    def refused(self, refused: CasRefused) -> Answer:
        """A refusal of ours."""
        kept = Refusal(
            reason=refused.code.lower(), client=refused.participant, detail=refused.detail
        )
        return _answer(self.kind, self._write(refused.code)).refused(kept)

    def unreadable(self, error: OAuthError) -> Answer:
        """A request that cannot be read."""
        return self.refused(CasRefused(FailureCode.INVALID_REQUEST, detail=error.description))


def _endpoint(ask: Callable[[Form, int], Awaitable[str]], failure: _Failure) -> Endpoint:
    async def handle(request: HttpRequest) -> Answer:
        try:
            text = await ask(parse_form(request.query), int(request.received_at))
        except CasRefused as refused:
            return failure.refused(refused)
        return _answer(failure.kind, text)

    return api(handle, "GET", refusal=failure.unreadable)


async def _proxy_ticket(proxying: CasProxying, form: Form, now: int) -> str:
    return proxy_document(await proxying.ticket(form, now))


def _bare(success: Success) -> str:
    """Spec: CAS Protocol 3.0 §2.5 (attributes belong to the endpoints of CAS 3)."""
    return success_document(success, attributes=False)


def _with_attributes(success: Success) -> str:
    return success_document(success, attributes=True)


def _answer(kind: Header, text: str) -> Answer:
    return Answer(body=text.encode(), headers=(kind, NO_STORE, NO_SNIFF))
