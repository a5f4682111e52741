"""The door of the National Portal's deep links: /nop-ho-so."""

from collections.abc import Mapping

from connectors.contract import ConsentRule, Dialect, SignInRequest, SystemId, WhenUnlinked
from connectors.errors import HandOffRefused
from connectors.registry import System
from connectors.systems.hand_off import DeepLink, HandOff, address_of, read_hand_off
from idp.errors import OAuthError, PageRefused
from idp.model import Session, Standing
from idp.ports import Audit
from idp.protocol.form import parse_form
from idp.protocol.next_step import Issue
from idp.web.doors import Reading
from idp.web.http import Answer, HttpRequest, Refusal, see_other
from keys.values import hot_value

HAND_OFF_PATH = "/nop-ho-so"


@hot_value
class HandOffReading(Reading):
    """A deep link, and the page that it leads to."""

    system: SystemId
    agency: str


class HandOffDoor:
    """Makes sure of a session, then leads on: the system's own sign-in finds it and asks nothing."""

    dialect = Dialect.HAND_OFF

    def __init__(
        self,
        *,
        links: Mapping[str, DeepLink],
        systems: Mapping[SystemId, System],
        audit: Audit,
    ) -> None:
        self._links = links
        self._systems = systems
        self._audit = audit

    def read(self, request: HttpRequest, raw: str, now: int) -> Reading:
        """See `Door.read`: only an agency that is registered leads anywhere."""
        del request, now
        hand_off = _read(raw)
        link = self._links.get(hand_off.agency)
        if link is None:
            raise PageRefused("service_unknown")
        system = self._systems[link.system]
        return HandOffReading(
            sign_in=SignInRequest(
                dialect=self.dialect,
                participant=f"hand-off:{hand_off.agency}",
                participant_name=system.name,
                system=None,  # the system asks for its account itself
                sector=system.sector,
                required_assurance=system.required_assurance,
                when_unlinked=WhenUnlinked.NOT_NEEDED,
                consent=ConsentRule.IMPLIED,  # nothing is released here
                releases=frozenset(),
            ),
            raw=raw,
            return_address=address_of(link, hand_off),
            source_hint=hand_off.source,
            system=link.system,
            agency=hand_off.agency,
        )

    async def answer(
        self,
        request: HttpRequest,
        reading: Reading,
        session: Session,
        standing: Standing,
        issue: Issue,
        now: int,
    ) -> Answer:
        """See `Door.answer`: on to the service. Whether a page was shown before is recorded."""
        del standing, issue, now
        own = _own(reading)
        prompted = int(request.path != HAND_OFF_PATH)
        self._audit.record(
            "handed_off",
            {"system": own.system, "agency": own.agency, "sid": session.sid, "prompted": prompted},
        )
        return see_other(own.return_address)

    def refuse(self, request: HttpRequest, reading: Reading, error: OAuthError) -> Answer:
        """See `Door.refuse`: the citizen goes on, not signed in; the service decides what is open."""
        del request
        own = _own(reading)
        refusal = Refusal(reason=error.code, client=own.sign_in.participant)
        return see_other(own.return_address).refused(refusal)


def _read(raw: str) -> HandOff:
    try:
        form = parse_form(raw.encode())
        form.refuse_repeated()
        return read_hand_off(form)
    except (OAuthError, HandOffRefused) as refused:
        raise PageRefused("invalid_request", detail=str(refused)) from None


def _own(reading: Reading) -> HandOffReading:
    if isinstance(reading, HandOffReading):
        return reading
    raise TypeError("a reading of another door")
