"""Single logout in the words of CAS: the ticket names the session that a client keeps."""

from datetime import UTC, datetime

from connectors.systems.cas.answers import xml_text


def known_as(ticket: str, service: str) -> str:
    """What a participant knows a session by, and where it listens: a ticket holds no space."""
    return f"{ticket} {service}"


def ticket_and_service(known: str) -> tuple[str, str]:
    """What `known_as` put together; empty strings for anything else."""
    ticket, _, service = known.partition(" ")
    return (ticket, service) if service else ("", "")


def logout_request(ticket: str, *, request_id: str, now: int) -> str:
    """The document that ends the session behind a ticket; it names nobody.

    Shape: the prefixes are those that phpCAS looks for, letter by letter.
    Spec: CAS Protocol 3.0 §2.3.3, SAML 2.0 Core §3.7.1
    """
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
        f' ID="LR-{xml_text(request_id)}" Version="2.0" IssueInstant="{at}">'
        '<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">@NOT_USED@</saml:NameID>'
        f"<samlp:SessionIndex>{xml_text(ticket)}</samlp:SessionIndex></samlp:LogoutRequest>"
    )
