"""What every dialect is to the sign-in pages: it reads a request, and it answers or refuses."""

from dataclasses import field
from typing import Protocol
from urllib.parse import urlsplit

from connectors.contract import Dialect, SignInRequest, SystemId
from idp.errors import OAuthError
from idp.model import Session, Standing
from idp.protocol.next_step import Issue
from idp.web.http import Answer, HttpRequest
from keys.values import hot_value


@hot_value
class Reading:
    """A request whose return address is verified."""

    sign_in: SignInRequest
    raw: str
    """The request as it came, or what the door keeps of it: read again after each page."""
    return_address: str
    """Where the answer goes; shown and allowed as a form target."""
    ui_locales: str | None = None
    login_hint: str | None = field(default=None, repr=False)
    source_hint: str | None = None
    """Where the person has just signed in, as a hand-off tells: the way there needs no question."""
    measured: bool = False
    """Whether it is to be known at the end if a page of ours was shown."""
    page_shown: bool = False
    """Whether the flow of a measured request has shown a page of ours so far."""

    @property
    def entered(self) -> SystemId | None:
        """The system that the person is on the way into: a source must be allowed to lead there."""
        return self.sign_in.system


def origin_of(address: str) -> str:
    """The origin of a return address (a scheme alone for native apps)."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


class AnsweredRefusal(Exception):
    """A refusal that the dialect has already put into its own words, for a verified address."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("refused")
        self.answer = answer


class Door(Protocol):
    """One dialect."""

    dialect: Dialect

    def read(self, request: HttpRequest, raw: str, now: int) -> Reading:
        """Check everything that can be checked before the person is known.

        Raises: PageRefused before the return address is verified; AnsweredRefusal after.
        """
        ...

    async def answer(
        self,
        request: HttpRequest,
        reading: Reading,
        session: Session,
        standing: Standing,
        issue: Issue,
        now: int,
    ) -> Answer:
        """The positive answer."""
        ...

    def refuse(self, request: HttpRequest, reading: Reading, error: OAuthError) -> Answer:
        """The negative answer."""
        ...
