"""What a filter says of an entry: true, false, or undefined; and whom it can only be about."""

from connectors.ldap.filters import (
    And,
    AtLeast,
    AtMost,
    Equals,
    Filter,
    Like,
    Matches,
    Not,
    Or,
    Present,
    Substrings,
)
from connectors.systems.ldap_view.entries import Entry
from connectors.systems.ldap_view.schema import Kind, Rule, comparable, kind_of

MAX_ACCOUNTS = 64
"""How many accounts one filter may name to be looked up one by one."""


def fits(term: Filter, entry: Entry) -> bool | None:
    """Whether the entry is meant; None where the filter cannot be decided of it.

    Why three values: `(!(unknown=x))` must not find everybody.

    Spec: RFC 4511 §4.5.1.7
    """
    match term:
        case And(terms):
            return _all([fits(inner, entry) for inner in terms])
        case Or(terms):
            none_fits = _all([_not(fits(inner, entry)) for inner in terms])
            return _not(none_fits)
        case Not(inner):
            return _not(fits(inner, entry))
        case Present(attribute):
            kind = kind_of(attribute)
            return None if kind is None else kind.name in entry.attributes
        case Equals(attribute, value) | Like(attribute, value):
            return _equal(attribute, value, entry)
        case AtLeast(attribute, value):
            return _ordered(attribute, value, entry, at_least=True)
        case AtMost(attribute, value):
            return _ordered(attribute, value, entry, at_least=False)
        case Substrings():
            return _substrings(term, entry)
        case Matches():
            return None


def _all(outcomes: list[bool | None]) -> bool | None:
    if False in outcomes:
        return False
    return None if None in outcomes else True


def _not(outcome: bool | None) -> bool | None:
    return None if outcome is None else not outcome


def _equal(attribute: str, value: bytes, entry: Entry) -> bool | None:
    kind = kind_of(attribute)
    wanted = None if kind is None else comparable(kind, value)
    if kind is None or wanted is None:
        return None
    return wanted in {comparable(kind, held) for held in entry.attributes.get(kind.name, ())}


def _ordered(attribute: str, value: bytes, entry: Entry, *, at_least: bool) -> bool | None:
    """Only numbers have an order here; of any other attribute it is undefined."""
    kind = kind_of(attribute)
    if kind is None or kind.rule is not Rule.NUMBER:
        return None
    wanted = comparable(kind, value)
    if not isinstance(wanted, int):
        return None
    numbers = [comparable(kind, held) for held in entry.attributes.get(kind.name, ())]
    return any(
        isinstance(number, int) and (number >= wanted if at_least else number <= wanted)
        for number in numbers
    )


def _substrings(term: Substrings, entry: Entry) -> bool | None:
    kind = kind_of(term.attribute)
    if kind is None or kind.rule in (Rule.NUMBER, Rule.NAME, Rule.WORD):
        return None
    initial, final = _piece(kind, term.initial), _piece(kind, term.final)
    middle = [_piece(kind, piece) for piece in term.middle]
    if initial is None or final is None or None in middle:
        return None
    pieces = [piece for piece in middle if piece]
    return any(
        _holds(str(comparable(kind, held)), initial, pieces, final)
        for held in entry.attributes.get(kind.name, ())
    )


def _piece(kind: Kind, piece: bytes | None) -> str | None:
    """A piece as its rule sees it: its spaces count, as it may begin inside a word."""
    if piece is None:
        return ""
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return None
    if kind.rule is Rule.EXACT:
        return text
    return text.replace(" ", "").casefold() if kind.rule is Rule.PHONE else text.casefold()


def _holds(text: str, initial: str, middle: list[str], final: str) -> bool:
    """One walk from left to right: no filter can make it go back."""
    if not text.startswith(initial):
        return False
    at, end = len(initial), len(text) - len(final)
    for piece in middle:
        at = text.find(piece, at, max(at, end))
        if at < 0:
            return False
        at += len(piece)
    return at <= end and text.endswith(final)


def speaks_of(term: Filter, name: str) -> bool:
    """Whether the filter asks about an attribute, by whatever spelling."""
    match term:
        case And(terms) | Or(terms):
            return any(speaks_of(inner, name) for inner in terms)
        case Not(inner):
            return speaks_of(inner, name)
        case _:
            kind = kind_of(term.attribute or "")
            return kind is not None and kind.name == name


def accounts_named(term: Filter) -> frozenset[str] | None:
    """The accounts that alone can fit; None where it may be anybody.

    Why: `(uid=x)` is the question of every mail server, and is one look-up by the key of the link.
    """
    match term:
        case Equals(attribute, value) | Like(attribute, value):
            kind = kind_of(attribute)
            if kind is None or kind.name != "uid":
                return None
            text = comparable(kind, value)
            return frozenset({text} if isinstance(text, str) else ())
        case And(terms):
            known = [found for inner in terms if (found := accounts_named(inner)) is not None]
            return min(known, key=len) if known else None
        case Or(terms):
            each = [accounts_named(inner) for inner in terms]
            union: frozenset[str] = frozenset()
            for found in each:
                if found is None:
                    return None
                union |= found
            return union if len(union) <= MAX_ACCOUNTS else None
        case _:
            return None
