"""What a search looks for, as a tree; printed in the text form for logs of rules, never parsed."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class And:
    """All of them; of none it is true (RFC 4526)."""

    terms: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of them; of none it is false (RFC 4526)."""

    terms: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not this."""

    term: "Filter"


@dataclass(frozen=True, slots=True)
class Equals:
    """The attribute has this value."""

    attribute: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The attribute has this value or a greater one."""

    attribute: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AtMost:
    """The attribute has this value or a smaller one."""

    attribute: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Like:
    """The attribute sounds like this value, as the directory understands it."""

    attribute: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute has a value."""

    attribute: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Substrings:
    """The attribute begins so, holds these in this order, ends so."""

    attribute: str
    initial: bytes | None = field(default=None, repr=False)
    middle: tuple[bytes, ...] = field(default=(), repr=False)
    final: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """An attribute fits by a rule that is named: an extensible match."""

    attribute: str | None = None
    rule: str | None = None
    value: bytes = field(repr=False)
    of_name_too: bool = False


Comparison = Equals | AtLeast | AtMost | Like
Filter = And | Or | Not | Comparison | Present | Substrings | Matches
IN_CHAIN = "1.2.840.113556.1.4.1941"
"""Active Directory's rule that follows `member` and `memberOf` through groups of groups."""
_SIGNS = {Equals: "=", AtLeast: ">=", AtMost: "<=", Like: "~="}


def escaped(value: bytes) -> str:
    r"""A value in the text form: nothing in it can end the value or stand for more than itself.

    Shape: all but printable ASCII without `*`, `(`, `)` and backslash is written as `\xx`.

    Spec: RFC 4515 §3
    """
    return "".join(
        chr(octet) if 0x20 <= octet < 0x7F and octet not in b"*()\\" else f"\\{octet:02x}"
        for octet in value
    )


def printed(term: Filter) -> str:
    """The filter in its text form.

    Spec: RFC 4515 §2
    """
    match term:
        case And(terms):
            return f"(&{''.join(map(printed, terms))})"
        case Or(terms):
            return f"(|{''.join(map(printed, terms))})"
        case Not(inner):
            return f"(!{printed(inner)})"
        case Present(attribute):
            return f"({attribute}=*)"
        case Substrings():
            parts = (term.initial or b"", *term.middle, term.final or b"")
            return f"({term.attribute}={'*'.join(map(escaped, parts))})"
        case Matches():
            names = (term.attribute or "", *(("dn",) if term.of_name_too else ()))
            rule = "" if term.rule is None else f":{term.rule}"
            return f"({':'.join(names)}{rule}:={escaped(term.value)})"
        case Equals() | AtLeast() | AtMost() | Like():
            return f"({term.attribute}{_SIGNS[type(term)]}{escaped(term.value)})"
