"""JSON from outside, read in one way only."""

import json

from keys.errors import JoseRefused

MAX_JSON_DEPTH = 12


def json_object(raw: bytes) -> dict[str, object]:
    """A JSON object without doubled keys, odd numbers, halves of characters or deep nesting.

    Raises: JoseRefused.
    """
    if raw.count(b"{") + raw.count(b"[") > 200:
        raise JoseRefused("json")
    try:
        document = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_no_doubles, parse_constant=_no_constant
        )
        if b"\\u" in raw:  # half a surrogate pair is text that nobody can encode again
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise JoseRefused("json") from None
    if not isinstance(document, dict) or _depth(document) > MAX_JSON_DEPTH:
        raise JoseRefused("json")
    return document


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("doubled key")
    return document


def _no_constant(_name: str) -> object:
    raise ValueError("not a JSON number")


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0
