"""The catalogue of events: which there are, and which fields each may carry."""

from collections.abc import Mapping

EVENTS: Mapping[str, frozenset[str]] = {
    "signed_in": frozenset({"sid", "acr"}),
    "signed_out": frozenset({"sid", "notices"}),
    "sign_in_rejected": frozenset({"participant"}),
    "sign_in_throttled": frozenset({"participant"}),
    "otp_rejected": frozenset(),
    "code_issued": frozenset({"client", "sid"}),
    "code_replayed": frozenset({"client", "family"}),
    "refresh_token_reused": frozenset({"family"}),
    "family_revoked": frozenset({"client", "family"}),
    "access_token_revoked": frozenset({"client"}),
    "ticket_issued": frozenset({"system", "sid"}),
    "account_opened": frozenset({"system"}),
    "account_not_opened": frozenset({"system"}),
    "account_withheld": frozenset({"system"}),
    "account_claimed": frozenset({"system"}),
    "claim_rejected": frozenset({"system"}),
    "consent_given": frozenset({"participant"}),
    "notice_delivered": frozenset({"participant", "sid"}),
    "notice_failed": frozenset({"participant", "sid"}),
    "notice_dead": frozenset({"participant", "sid"}),
}


def check_event(event: str, fields: Mapping[str, str | int]) -> None:
    """The event is in the catalogue and carries no other field.

    Raises: KeyError, ValueError.
    """
    if not fields.keys() <= EVENTS[event]:
        raise ValueError(f"event {event} may not carry these fields")
