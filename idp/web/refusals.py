"""One audit record for each request that was refused: why, at which door, whose, and from where."""

import logging
from collections.abc import Container

from idp.authn.throttle import group
from idp.errors import OAuthError
from idp.model import ClientId
from idp.ports import Audit, Entropy
from idp.protocol.client_auth import claimed_client
from idp.protocol.form import Form, parse_form
from idp.web.http import Answer, HttpRequest
from keys.blind import BlindIndex

logger = logging.getLogger("lienthong.refusals")
UNKNOWN = "unknown"
CORRELATION = b"correlation-id"


class Refusals:
    """Records refusals, and gives each a number by which the caller can ask about it.

    `client` is who the request says it is, where that is registered: a refused request proves
    nothing. `actor` is a keyed digest of the address: equal for one caller, and no address.
    """

    def __init__(
        self, audit: Audit, clients: Container[ClientId], index: BlindIndex, entropy: Entropy
    ) -> None:
        self._audit = audit
        self._clients = clients
        self._index = index
        self._entropy = entropy

    def record(self, request: HttpRequest, answer: Answer) -> Answer:
        """The answer with its correlation id, where it is a refusal; else as it came.

        A refusal past the budget of `audit.bounds` is counted, and is still answered.
        """
        refusal = answer.refusal
        if refusal is None:
            return answer
        correlation = refusal.correlation or self._entropy(8).hex()
        endpoint = request.path
        self._audit.record(
            refusal.event,
            {
                "endpoint": endpoint,
                "reason": refusal.reason,
                "client": refusal.client or self._claimed(request),
                "actor": self._index.digest("actor", group(request.address)).hex()[:16],
                "correlation": correlation,
            },
        )
        if refusal.detail:
            logger.info("%s refused (%s): %s", endpoint, correlation, refusal.detail)
        return answer.with_headers((CORRELATION, correlation.encode()))

    def _claimed(self, request: HttpRequest) -> str:
        form = request.parsed
        if form is None:
            try:
                form = parse_form(request.query)
            except OAuthError:
                form = Form({})
        claimed = claimed_client(request.headers(b"authorization"), form)
        return claimed if claimed in self._clients else UNKNOWN
