"""Versions of resources, and the conditions that a request puts on them. Pure.

Spec: RFC 7644 §3.14, RFC 9110 §13.1
"""

import re

from scim2_models import InvalidValueException, PreconditionFailedException

_TAG = re.compile(r'\s*(?:W/)?"([\x21\x23-\x7e]*)"\s*(?:,|$)')
MAX_HEADER = 1024


def tag(version: int) -> str:
    """The entity tag of a version; weak, as the same version may be shown in parts."""
    return f'W/"{version}"'


def matches(header: str, version: int) -> bool:
    """Whether a condition names this version.

    Why weak: RFC 7644 prefers weak tags, which the strong comparison of If-Match never accepts.
    Raises: InvalidValueException where the header is not a list of entity tags.
    """
    if header.strip() == "*":
        return True
    if len(header) > MAX_HEADER:
        raise InvalidValueException(detail="The condition is too long")
    position, found = 0, set()
    while position < len(header):
        listed = _TAG.match(header, position)
        if listed is None or listed.end() == position:
            raise InvalidValueException(detail="The condition is not a list of entity tags")
        found.add(listed[1])
        position = listed.end()
    return str(version) in found


def check_if_match(header: str | None, version: int) -> None:
    """The request means the resource as it stands.

    Raises: PreconditionFailedException, InvalidValueException.
    """
    if header is not None and not matches(header, version):
        raise PreconditionFailedException
