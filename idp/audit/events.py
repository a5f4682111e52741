"""The catalogue of events: which there are, and which fields each may carry."""

from collections.abc import Mapping

_REFUSED = frozenset({"endpoint", "reason", "client", "actor", "correlation"})
_PUSHED = frozenset({"connector", "kind", "resource"})
REFUSALS = frozenset(
    {"refused", "sign_in_rejected", "sign_in_throttled", "otp_rejected", "claim_rejected"}
    | {"upstream_refused", "hand_off_begun", "directory_refused"}
)
"""Events that a stranger can cause at will: written within a budget (`bounds.py`)."""
EVENTS: Mapping[str, frozenset[str]] = {
    "refused": _REFUSED,
    "refusals_counted": frozenset({"event", "endpoint", "reason", "client", "count"}),
    "signed_in": frozenset({"sid", "acr"}),
    "signed_out": frozenset({"sid", "notices"}),
    "sign_in_rejected": _REFUSED,
    "sign_in_throttled": _REFUSED,
    "otp_rejected": _REFUSED,
    "code_issued": frozenset({"client", "sid"}),
    "code_replayed": frozenset({"client", "family"}),
    "refresh_token_reused": frozenset({"family"}),
    "family_revoked": frozenset({"client", "family"}),
    "access_token_revoked": frozenset({"client"}),
    "ticket_issued": frozenset({"system", "sid"}),
    "ticket_redeemed": frozenset({"system", "sid"}),
    "ticket_replayed": frozenset({"sid"}),
    "hand_off_begun": frozenset({"system", "agency"}),
    "handed_off": frozenset({"system", "agency", "sid", "prompted"}),
    "handed_over": frozenset({"system", "sid"}),
    "assertion_issued": frozenset({"system", "sid"}),
    "account_opened": frozenset({"system"}),
    "account_not_opened": frozenset({"system"}),
    "account_claimed": frozenset({"system"}),
    "claim_rejected": _REFUSED,
    "claim_distrusted": frozenset({"system"}),
    "app_password_created": frozenset({"system", "app_password"}),
    "app_password_revoked": frozenset({"system", "app_password"}),
    "app_password_used": frozenset({"system", "app_password"}),
    "directory_refused": _REFUSED,
    "consent_given": frozenset({"participant"}),
    "upstream_refused": _REFUSED,
    "upstream_first_seen": frozenset({"source"}),
    "upstream_signed_in": frozenset({"source", "sid", "acr"}),
    "upstream_identity_differs": frozenset({"source", "what"}),
    "upstream_ended": frozenset({"source", "sessions"}),
    "upstream_disabled": frozenset({"source", "known"}),
    "notice_delivered": frozenset({"participant", "sid"}),
    "notice_failed": frozenset({"participant", "sid"}),
    "notice_dead": frozenset({"participant", "sid"}),
    "link_ended": frozenset({"system", "link"}),
    "message_delivered": frozenset({"system", "message", "kind"}),
    "message_failed": frozenset({"system", "message", "kind"}),
    "message_dead": frozenset({"system", "message", "kind"}),
    "message_discarded": frozenset({"system", "message", "kind"}),
    "scim_created": _PUSHED,
    "scim_changed": _PUSHED,
    "scim_enabled": _PUSHED,
    "scim_disabled": _PUSHED | {"sessions"},
    "scim_deleted": _PUSHED | {"sessions"},
}


def check_event(event: str, fields: Mapping[str, str | int]) -> None:
    """The event is in the catalogue and carries no other field.

    Raises: KeyError, ValueError.
    """
    if not fields.keys() <= EVENTS[event]:
        raise ValueError(f"event {event} may not carry these fields")
