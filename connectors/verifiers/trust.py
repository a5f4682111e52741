"""How far the word of an old system is believed: for the account that was asked about, no other."""

import unicodedata
from typing import TypeGuard

from connectors.contract import AccountId, AccountNames

MAX_ACCOUNT = 256


def believed(typed: str, answered: object, names: AccountNames) -> AccountId | None:
    """The account that a system proved, where it is the one that the person named.

    Spaces around what a person types, and its composition, never count; the declaration of the
    system says what else may differ.

    Why: a system that could answer any name could give anybody's account to anybody (ADR 0018).
    """
    if not is_account_id(answered):
        return None
    if _comparable(typed.strip(), names) != _comparable(answered, names):
        return None
    return AccountId(answered)


def is_account_id(answered: object) -> TypeGuard[str]:
    """An id that a database can hold and a person can read, in one spelling of its letters.

    Shape: 1 to 256 printable characters in NFC, no space at either end.
    """
    return (
        isinstance(answered, str)
        and 0 < len(answered) <= MAX_ACCOUNT
        and answered.isprintable()
        and answered.strip() == answered
        and unicodedata.is_normalized("NFC", answered)
    )


def _comparable(name: str, names: AccountNames) -> str:
    composed = unicodedata.normalize("NFC", name)
    match names:
        case AccountNames.EXACT:
            return composed
        case AccountNames.ANY_CASE:
            # Casefolding can undo the composition, so it is composed once more.
            return unicodedata.normalize("NFC", composed.casefold())
