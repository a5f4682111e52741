"""Filters as bytes and back: level by level, bounded in depth and in number."""

from typing import Any

from connectors.errors import LdapRefused
from connectors.ldap import schema
from connectors.ldap.ber import Element, children, context, whole, wrapped
from connectors.ldap.filters import (
    And,
    AtLeast,
    AtMost,
    Comparison,
    Equals,
    Filter,
    Like,
    Matches,
    Not,
    Or,
    Present,
    Substrings,
)
from connectors.ldap.pyasn1_door import decoded, encoded, text

MAX_TERMS = 100
MAX_FILTER_DEPTH = 10
_AND, _OR, _NOT = context(0), context(1), context(2)
_SUBSTRINGS, _PRESENT, _MATCHES = context(4), 0x87, context(9)
_COMPARED: dict[int, type[Comparison]] = {
    context(3): Equals,
    context(5): AtLeast,
    context(6): AtMost,
    context(8): Like,
}
_TAGS = {kind: tag for tag, kind in _COMPARED.items()}
_SEQUENCE = 0x30


def read_filter(raw: bytes) -> Filter:
    """The filter that these bytes are.

    Shape: at most `MAX_TERMS` terms, `MAX_FILTER_DEPTH` deep.

    Spec: RFC 4511 §4.5.1.7
    Raises: LdapRefused.
    """
    return _Reader(raw).term(whole(raw), 1)


class _Reader:
    """Counts the terms of one filter while it reads them."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._terms = 0

    def term(self, element: Element, depth: int) -> Filter:
        """The term that an element is, with all that lies inside."""
        self._terms += 1
        if self._terms > MAX_TERMS or depth > MAX_FILTER_DEPTH:
            raise LdapRefused("the filter has too many terms")
        if element.tag in (_AND, _OR):
            inside = children(self._raw, element)
            terms = tuple(self.term(child, depth + 1) for child in inside)
            return And(terms) if element.tag == _AND else Or(terms)
        if element.tag == _NOT:
            inside = children(self._raw, element)
            if len(inside) != 1:
                raise LdapRefused("not of one term")
            return Not(self.term(inside[0], depth + 1))
        return self._leaf(element)

    def _leaf(self, element: Element) -> Filter:
        content = self._raw[element.content : element.end]
        if element.tag == _PRESENT:
            return Present(text(content))
        as_sequence = wrapped(_SEQUENCE, (content,))
        if (kind := _COMPARED.get(element.tag)) is not None:
            value = decoded(as_sequence, schema.AttributeValueAssertion())
            return kind(text(value["attributeDesc"]), bytes(value["assertionValue"]))
        if element.tag == _SUBSTRINGS:
            return _substrings(decoded(as_sequence, schema.SubstringFilter()))
        if element.tag == _MATCHES:
            return _matches(decoded(as_sequence, schema.MatchingRuleAssertion()))
        raise LdapRefused("a filter that LDAP does not have")


def _substrings(value: Any) -> Substrings:
    """Initial first, final last, each at most once; at least one part."""
    parts = [(part.getName(), bytes(part.getComponent())) for part in value["substrings"]]
    names = [name for name, _ in parts]
    if not parts or "initial" in names[1:] or "final" in names[:-1]:
        raise LdapRefused("substrings in an order that LDAP does not have")
    return Substrings(
        attribute=text(value["type"]),
        initial=parts[0][1] if names[0] == "initial" else None,
        middle=tuple(octets for name, octets in parts if name == "any"),
        final=parts[-1][1] if names[-1] == "final" else None,
    )


def _matches(value: Any) -> Matches:
    rule, attribute = value["matchingRule"], value["type"]
    if not (rule.hasValue() or attribute.hasValue()):
        raise LdapRefused("a match without a rule and without an attribute")
    return Matches(
        attribute=text(attribute) if attribute.hasValue() else None,
        rule=text(rule) if rule.hasValue() else None,
        value=bytes(value["matchValue"]),
        of_name_too=bool(value["dnAttributes"]),
    )


def written_filter(term: Filter) -> bytes:
    """The filter as bytes.

    Spec: RFC 4511 §4.5.1.7
    """
    match term:
        case And(terms):
            return wrapped(_AND, map(written_filter, terms))
        case Or(terms):
            return wrapped(_OR, map(written_filter, terms))
        case Not(inner):
            return wrapped(_NOT, (written_filter(inner),))
        case Present(attribute):
            return wrapped(_PRESENT, (attribute.encode(),))
        case Substrings():
            return _retagged(_SUBSTRINGS, _written_substrings(term))
        case Matches():
            return _retagged(_MATCHES, _written_match(term))
        case Equals() | AtLeast() | AtMost() | Like():
            value = schema.AttributeValueAssertion()
            value["attributeDesc"], value["assertionValue"] = term.attribute.encode(), term.value
            return _retagged(_TAGS[type(term)], value)


def _written_substrings(term: Substrings) -> Any:
    value = schema.SubstringFilter()
    value["type"] = term.attribute.encode()
    named = [("initial", term.initial), *(("any", part) for part in term.middle)]
    for at, (name, part) in enumerate(
        (name, part) for name, part in [*named, ("final", term.final)] if part is not None
    ):
        value["substrings"][at][name] = part
    return value


def _written_match(term: Matches) -> Any:
    value = schema.MatchingRuleAssertion()
    if term.rule is not None:
        value["matchingRule"] = term.rule.encode()
    if term.attribute is not None:
        value["type"] = term.attribute.encode()
    value["matchValue"], value["dnAttributes"] = term.value, term.of_name_too
    return value


def _retagged(tag: int, value: Any) -> bytes:
    """A sequence under the implicit tag of its place in a filter."""
    raw = encoded(value)
    root = whole(raw)
    return wrapped(tag, (raw[root.content :],))
