"""The hand-off: a deep link of the National Portal leads into a service of the province.

    /nop-ho-so?MaTTHCDP=…&MaCoQuanThucHien=H55.242&vnconnect=1[&MaDVC=…]

Whoever follows it is a citizen in the middle of something. Where they already have a session the
service opens signed in; the service itself is the system's own page, named by the agency's code.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from connectors.contract import SystemId
from connectors.errors import HandOffRefused

_AGENCY = re.compile(r"[A-Z0-9][A-Z0-9.]{0,34}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_SOURCES = ("vnconnect", "vneid")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepLink:
    """Where the hand-offs to one agency go."""

    system: SystemId
    start: str
    """The system's own page for a procedure; it begins its own sign-in there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """What a deep link says, checked."""

    agency: str
    procedure: str
    service: str | None
    source: str | None
    """Where the citizen has signed in, as the link says: `vnconnect` or `vneid`. A hint, no proof."""


def read_hand_off(parameters: Mapping[str, str]) -> HandOff:
    """The hand-off in the parameters of a link; what is not part of one is left out.

    Raises: HandOffRefused.
    """
    agency, procedure = parameters.get("MaCoQuanThucHien", ""), parameters.get("MaTTHCDP", "")
    service = parameters.get("MaDVC")
    if not _AGENCY.fullmatch(agency) or not _CODE.fullmatch(procedure):
        raise HandOffRefused("no code of an agency, or of a procedure")
    if service is not None and not _CODE.fullmatch(service):
        raise HandOffRefused("not a code of a service")
    named = [source for source in _SOURCES if source in parameters]
    if len(named) > 1 or any(parameters[source] != "1" for source in named):
        raise HandOffRefused("one source at most, as 1")
    return HandOff(
        agency=agency,
        procedure=procedure,
        service=service,
        source=named[0] if named else None,
    )


def address_of(link: DeepLink, hand_off: HandOff) -> str:
    """The registered start page, with the codes and nothing else."""
    query = {"MaTTHCDP": hand_off.procedure, "MaCoQuanThucHien": hand_off.agency}
    if hand_off.service is not None:
        query["MaDVC"] = hand_off.service
    return f"{link.start}?{urlencode(query)}"
