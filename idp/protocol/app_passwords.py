"""The shape of an app password: made by us, typed by people into programs, never chosen."""

import re
from base64 import b32encode

SECRET_BYTES = 16
_GROUP = 5
_SHAPE = re.compile(r"[a-z2-7]{26}", re.ASCII)
_MAX_TYPED = 128


def spelled(entropy: bytes) -> str:
    """Random bytes as people copy them.

    Shape: 26 characters of a-z and 2-7 in groups of five, with hyphens between them.
    Raises: ValueError for anything but `SECRET_BYTES` bytes.
    """
    if len(entropy) != SECRET_BYTES:
        raise ValueError(f"{SECRET_BYTES} random bytes")
    plain = b32encode(entropy).decode("ascii").rstrip("=").lower()
    return "-".join(plain[at : at + _GROUP] for at in range(0, len(plain), _GROUP))


def read(typed: bytes) -> str | None:
    """The one spelling of an app password; None for text that cannot be one.

    Why: phones write the first letter large and people leave hyphens out. No password that a person
    chose has this shape by chance, so theirs is told apart before anything is looked up.
    """
    if len(typed) > _MAX_TYPED:
        return None
    try:
        text = typed.decode("ascii")
    except UnicodeDecodeError:
        return None
    plain = text.replace("-", "").replace(" ", "").lower()
    return plain if _SHAPE.fullmatch(plain) else None
