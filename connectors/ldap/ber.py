"""The shape of BER: what is bounded and refused before any decoder sees it."""

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.errors import LdapRefused

MAX_DEPTH = 32
MAX_ELEMENTS = 20_000
_CONSTRUCTED = 0x20
_UNIVERSAL, _APPLICATION, _CONTEXT = 0x00, 0x40, 0x80
_LONGEST = {0x01: 1, 0x02: 4, 0x05: 0, 0x0A: 4}
"""The most octets that BOOLEAN, INTEGER, NULL and ENUMERATED take in LDAP (maxInt is 2^31 - 1)."""
_SHORTEST = {0x01: 1, 0x02: 1, 0x0A: 1}
_MUST_BE_CONSTRUCTED = frozenset({0x10, 0x11})


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its identifier octet, where its content begins, and where it ends."""

    tag: int
    start: int
    content: int
    end: int


def header(raw: bytes | bytearray | memoryview, at: int, end: int) -> Element | None:
    """The element at this place, by its header; None while the header is not all there.

    Shape: `end` is how far the bytes go; the element may end beyond it.

    Spec: RFC 4511 §5.1 (lengths are definite); X.690 §8.1
    Raises: LdapRefused for tags above 30, indefinite lengths, lengths of more than four octets.
    """
    if end - at < 2:
        return None
    tag, first = raw[at], raw[at + 1]
    if tag & 0x1F == 0x1F:
        raise LdapRefused("a tag that LDAP does not have")
    if first < 0x80:
        return Element(tag, at, at + 2, at + 2 + first)
    octets = first & 0x7F
    if not 1 <= octets <= 4:
        raise LdapRefused("an indefinite or overlong length")
    if end - at < 2 + octets:
        return None
    length = int.from_bytes(raw[at + 2 : at + 2 + octets], "big")
    return Element(tag, at, at + 2 + octets, at + 2 + octets + length)


def children(raw: bytes, parent: Element) -> tuple[Element, ...]:
    """The elements inside a constructed one, exactly filling it.

    Raises: LdapRefused.
    """
    found, at = [], parent.content
    while at < parent.end:
        child = header(raw, at, parent.end)
        if child is None or child.end > parent.end:
            raise LdapRefused("an element reaches beyond the one around it")
        found.append(child)
        at = child.end
    return tuple(found)


def whole(raw: bytes) -> Element:
    """The one element that these bytes are, sound in all its depth.

    Shape: at most `MAX_DEPTH` deep and `MAX_ELEMENTS` elements; numbers within four octets; strings
    in one piece.

    Spec: RFC 4511 §5.1
    Raises: LdapRefused.
    """
    root = header(raw, 0, len(raw))
    if root is None or root.end != len(raw):
        raise LdapRefused("not one whole element")
    waiting, count = [(root, 1)], 1
    while waiting:
        element, depth = waiting.pop()
        _check(element)
        if not element.tag & _CONSTRUCTED:
            continue
        inside = children(raw, element)
        count += len(inside)
        if (inside and depth == MAX_DEPTH) or count > MAX_ELEMENTS:
            raise LdapRefused("too deep, or too many elements")
        waiting.extend((child, depth + 1) for child in inside)
    return root


def _check(element: Element) -> None:
    """What LDAP leaves of BER for the universal types."""
    if element.tag & 0xC0 != _UNIVERSAL:
        return
    kind, length = element.tag & 0x1F, element.end - element.content
    if bool(element.tag & _CONSTRUCTED) != (kind in _MUST_BE_CONSTRUCTED):
        raise LdapRefused("a string in pieces, or a sequence that is none")
    if not _SHORTEST.get(kind, 0) <= length <= _LONGEST.get(kind, length):
        raise LdapRefused("a number that LDAP does not have")


def wrapped(tag: int, parts: Iterable[bytes]) -> bytes:
    """One element of this tag, around these bytes."""
    content = b"".join(parts)
    return bytes((tag,)) + _length(len(content)) + content


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def application(number: int) -> int:
    """The identifier octet of a constructed APPLICATION element."""
    return _APPLICATION | _CONSTRUCTED | number


def context(number: int) -> int:
    """The identifier octet of a constructed context-specific element."""
    return _CONTEXT | _CONSTRUCTED | number
