"""One request of a browser in the middle of a sign-in: what every stage is given."""

from dataclasses import dataclass

from idp.flows.sign_in import Decision
from idp.protocol.form import Form
from idp.web.doors import Reading
from idp.web.flow_cookie import Flow
from idp.web.http import HttpRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A browser that comes with a flow of its own."""

    request: HttpRequest
    flow: Flow
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Visit):
    """A visit that posts a form; `decision` says which stage the form may answer."""

    reading: Reading
    form: Form
    decision: Decision
