"""Distinguished names: built so that no value can be a second part, and read back strictly."""

import re

from connectors.errors import LdapRefused

Part = tuple[tuple[str, str], ...]
"""One relative name: its attributes and values, nearly always one."""
MAX_NAME = 4096
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+", re.ASCII)
_SPECIAL = frozenset('"+,;<>\\=')
_HEX_PAIR = re.compile(r"[0-9A-Fa-f]{2}", re.ASCII)


def escaped_value(value: str) -> str:
    r"""A value as it stands in a name: it stays one value, whatever it holds.

    Shape: `\` before special characters and before a space or `#` at an end; controls as `\xx`.

    Spec: RFC 4514 §2.4
    """
    last = len(value) - 1
    return "".join(
        f"\\{character}"
        if character in _SPECIAL
        or (character == " " and at in (0, last))
        or (character == "#" and at == 0)
        else (f"\\{ord(character):02x}" if ord(character) < 0x20 else character)
        for at, character in enumerate(value)
    )


def name_of(*parts: Part) -> str:
    """The name that these parts make, the entry's own part first.

    Spec: RFC 4514 §2
    """
    return ",".join(
        "+".join(f"{kind}={escaped_value(value)}" for kind, value in part) for part in parts
    )


def below(base: str, kind: str, value: str) -> str:
    """The name of an entry under a base."""
    own = name_of(((kind, value),))
    return f"{own},{base}" if base else own


def parts_of(name: str) -> tuple[Part, ...]:
    """The parts of a name, values unescaped; attribute types in lower case.

    Shape: of the name without parts, none. Spaces around separators are passed over, as older
    directories write them; values in `#hex` or in quotes are refused.

    Spec: RFC 4514 §3
    Raises: LdapRefused.
    """
    if len(name) > MAX_NAME:
        raise LdapRefused("the name is too long")
    if not name.strip(" "):
        return ()
    parts: list[Part] = []
    pending: list[tuple[str, str]] = []
    for text, separator in _split(name):
        pending.append(_assertion(text))
        if separator != "+":
            parts.append(tuple(pending))
            pending = []
    return tuple(parts)


def _split(name: str) -> list[tuple[str, str]]:
    """Each assertion, still escaped, and what ends it."""
    found, begin, at = [], 0, 0
    while at < len(name):
        if name[at] == "\\":
            at += 2
            continue
        if name[at] in ",+":
            found.append((name[begin:at], name[at]))
            begin = at + 1
        at += 1
    found.append((name[begin:], ""))
    return found


def _assertion(text: str) -> tuple[str, str]:
    kind, equals, value = text.partition("=")
    if not equals or not _TYPE.fullmatch(kind.strip(" ")):
        raise LdapRefused("a name with a part that has no attribute")
    return kind.strip(" ").lower(), _unescaped(value.lstrip(" "))


def _unescaped(value: str) -> str:
    if value.startswith("#"):
        raise LdapRefused("a name with a value in hexadecimal BER")
    octets, kept, at = bytearray(), 0, 0
    while at < len(value):
        character = value[at]
        if character != "\\":
            if character in '";<>\0':
                raise LdapRefused("a name with a character that must be escaped")
            octets += character.encode()
            at += 1
            kept = kept if character == " " else len(octets)
            continue
        pair = value[at + 1 : at + 3]
        if _HEX_PAIR.fullmatch(pair):
            octets.append(int(pair, 16))
            at += 3
        elif pair and (pair[0] in _SPECIAL or pair[0] in " #"):
            octets += pair[0].encode()
            at += 2
        else:
            raise LdapRefused("a name with an escape that is none")
        kept = len(octets)
    try:
        return octets[:kept].decode()
    except UnicodeDecodeError:
        raise LdapRefused("a name that is not UTF-8") from None
