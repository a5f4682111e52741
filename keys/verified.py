"""Claims whose signature, algorithm, issuer, audience and times were all checked."""

from collections.abc import Mapping

from keys.errors import JoseRefused

_DOOR = object()


class VerifiedClaims:
    """The payload of a JWT that came through the one door; only `jose.verify` makes one."""

    __slots__ = ("_claims", "header_kid")

    def __init__(self, door: object, claims: Mapping[str, object], header_kid: str | None) -> None:
        if door is not _DOOR:
            raise TypeError("only the one door makes verified claims")
        self._claims = claims
        self.header_kid = header_kid

    def __contains__(self, name: str) -> bool:
        return name in self._claims

    def __repr__(self) -> str:
        return f"VerifiedClaims({sorted(self._claims)})"

    def text(self, name: str) -> str:
        """The claim as text.

        Raises: JoseRefused where it is absent or something else.
        """
        value = self._claims.get(name)
        if not isinstance(value, str):
            raise JoseRefused(f"claim {name}")
        return value

    def integer(self, name: str) -> int:
        """The claim as a whole number.

        Raises: JoseRefused.
        """
        value = self._claims.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise JoseRefused(f"claim {name}")
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        """The claim as an object.

        Raises: JoseRefused.
        """
        value = self._claims.get(name)
        if not isinstance(value, dict):
            raise JoseRefused(f"claim {name}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """The claim as a list of texts.

        Raises: JoseRefused.
        """
        value = self._claims.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise JoseRefused(f"claim {name}")
        return tuple(value)
