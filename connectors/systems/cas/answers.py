"""What a CAS client is answered: documents that no value can break out of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from connectors.mapping import Claim
from connectors.systems.cas.failures import FailureCode

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = '<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">'
_TAIL = "</cas:serviceResponse>\n"


_TEXTS = {
    FailureCode.INVALID_REQUEST: "the request is not complete, or says something twice",
    FailureCode.INVALID_TICKET_SPEC: "this kind of ticket is not accepted here",
    FailureCode.INVALID_TICKET: "the ticket is not valid, or was used already",
    FailureCode.INVALID_SERVICE: "the ticket is not for this service",
    FailureCode.INVALID_PROXY_CALLBACK: "the call-back is not registered, or did not accept",
    FailureCode.UNAUTHORIZED_SERVICE: "the service may not be entered in this way",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """Who entered, as this service knows them."""

    user: str = field(repr=False)
    claims: Mapping[str, Claim] = field(repr=False)
    authenticated_at: int
    fresh: bool
    granting_iou: str | None = None
    proxies: Sequence[str] = ()


def success_document(success: Success, *, attributes: bool) -> str:
    """The positive answer.

    Spec: CAS Protocol 3.0 §2.5.2, §2.5.7, Appendix A
    """
    parts = [_element("user", success.user)]
    if attributes:
        parts.append(f"<cas:attributes>{_attributes(success)}</cas:attributes>")
    if success.granting_iou is not None:
        parts.append(_element("proxyGrantingTicket", success.granting_iou))
    if success.proxies:
        chain = "".join(_element("proxy", proxy) for proxy in success.proxies)
        parts.append(f"<cas:proxies>{chain}</cas:proxies>")
    body = "".join(parts)
    return f"{_HEAD}<cas:authenticationSuccess>{body}</cas:authenticationSuccess>{_TAIL}"


def failure_document(code: FailureCode) -> str:
    """The negative answer of a validation: nothing that was sent is in it."""
    return _failure("authenticationFailure", code)


def proxy_document(ticket: str) -> str:
    """A proxy ticket. Spec: CAS Protocol 3.0 §2.7.2."""
    body = _element("proxyTicket", ticket)
    return f"{_HEAD}<cas:proxySuccess>{body}</cas:proxySuccess>{_TAIL}"


def proxy_failure_document(code: FailureCode) -> str:
    """No proxy ticket. Spec: CAS Protocol 3.0 §2.7.2."""
    return _failure("proxyFailure", code)


def plain_success(user: str) -> str:
    """Two lines; a name with a line break in it cannot be told so. Spec: CAS Protocol 3.0 §2.4.2."""
    return f"yes\n{one_line(user)}\n"


PLAIN_FAILURE = "no\n\n"


def xml_text(value: str) -> str:
    """A value as text of a document: escaped, and without what XML cannot hold.

    Spec: XML 1.0 §2.2, §2.4
    """
    return escape(_NOT_XML.sub("", value), {"\r": "&#13;"})


def one_line(value: str) -> str:
    """A value without anything that could begin a line of its own."""
    return "".join(c for c in value if c.isprintable())


def _attributes(success: Success) -> str:
    at = datetime.fromtimestamp(success.authenticated_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = [
        _element("authenticationDate", at),
        _element("longTermAuthenticationRequestTokenUsed", "false"),
        _element("isFromNewLogin", "true" if success.fresh else "false"),
    ]
    return "".join(told + [_element(name, _text(value)) for name, value in success.claims.items()])


def _text(value: Claim) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return value.get("formatted", "")
        case _:
            return str(value)


def _element(name: str, value: str) -> str:
    """`name` is ours, or a claim's: ASCII letters, digits and `_` (`connectors/config/systems.py`)."""
    return f"<cas:{name}>{xml_text(value)}</cas:{name}>"


def _failure(element: str, code: FailureCode) -> str:
    text = _TEXTS[code]
    return f'{_HEAD}<cas:{element} code="{code}">{text}</cas:{element}>{_TAIL}'
