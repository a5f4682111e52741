"""What a payload may be at all, before any of it is looked at. Pure."""

import unicodedata

from scim2_models import InvalidSyntaxException

from idp.scim.errors import OurWords

MAX_DEPTH = 12
MAX_TEXT = 1024
MAX_LIST = 1000
_REFUSED = frozenset({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})
Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def bounded(value: Json, depth: int = 0) -> Json:
    """The same payload in normal form C; flat, short, and without control characters.

    Why: what is stored here stands later in tokens, pages and headers of other systems.
    Raises: InvalidSyntaxException, OurWords.
    """
    if depth > MAX_DEPTH:
        raise InvalidSyntaxException(detail="The payload is nested too deeply")
    match value:
        case str():
            return text(value)
        case dict():
            return {text(key): bounded(each, depth + 1) for key, each in value.items()}
        case list():
            if len(value) > MAX_LIST:
                raise OurWords(detail="A list of the payload is too long")
            return [bounded(each, depth + 1) for each in value]
        case _:
            return value


def text(value: str) -> str:
    """One text, normalised first and then validated.

    Raises: OurWords.
    """
    if len(value) > MAX_TEXT:
        raise OurWords(detail="A text of the payload is too long")
    normal = unicodedata.normalize("NFC", value)
    if any(unicodedata.category(character) in _REFUSED for character in normal):
        raise OurWords(detail="A text of the payload has a control character")
    return normal
