"""Which change of a link is which message."""

from connectors.links.model import Evidence, LinkState
from connectors.provisioning.messages import Kind

CREATED_RULE = "created_by_policy"
"""The one rule by which we name an account that the system does not have yet."""


def told_of_an_opening(state: LinkState, evidence: Evidence) -> Kind | None:
    """A system hears of an account that policy opened; one that was claimed is there already."""
    opened = state is LinkState.ACTIVE and evidence.rule == CREATED_RULE
    return Kind.ACCOUNT_CREATED if opened else None


def told_of_a_move(from_state: LinkState, to_state: LinkState) -> Kind | None:
    """What a system hears of a link that moved; None where nothing changes for it.

    Why: a link in dispute or suspended lets nobody in; for the system that is a disabled account.
    """
    match to_state:
        case LinkState.SUPERSEDED:
            return Kind.IDENTIFIER_CHANGED
        case LinkState.ENDED:
            return None if from_state is LinkState.PROPOSED else Kind.LINK_ENDED
        case LinkState.DISPUTED | LinkState.SUSPENDED:
            return Kind.ACCOUNT_DISABLED
        case LinkState.ACTIVE:
            return None if from_state is LinkState.VERIFIED else Kind.ACCOUNT_ENABLED
        case LinkState.PROPOSED | LinkState.VERIFIED:
            return None
