"""What does not stop a start, and still wants looking after."""

from collections.abc import Iterator
from datetime import UTC, datetime

from idp.config import Settings

SOON_SECONDS = 14 * 86400


def warnings(settings: Settings, now: int) -> Iterator[str]:
    """One line for each: the system, and what is the matter with it.

    Why no mistake of the configuration: time alone does it, and one system whose metadata ran out
    must not keep all the others from starting. Where newer metadata is fetched the file tells
    little: `lienthong saml metadata list` tells what counts.
    """
    for system in settings.systems.values():
        saml = system.saml
        if saml is None or saml.valid_until is None or saml.source is not None:
            continue
        at = datetime.fromtimestamp(saml.valid_until, UTC).strftime("%Y-%m-%d %H:%M UTC")
        if not saml.is_valid(now):
            yield f"systems.{system.system_id}: its SAML metadata ran out at {at}; it is refused"
        elif now > saml.valid_until - SOON_SECONDS:
            yield f"systems.{system.system_id}: its SAML metadata runs out at {at}"
