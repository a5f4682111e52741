"""The small tables and values that every part of the configuration is made of."""

from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, model_validator

from connectors.config.checked import Table
from connectors.config.surroundings import STRONG, Surroundings, strong
from connectors.contract import LocalText

_MISLEADING = frozenset('#* \\"<>')


class TextTable(Table):
    """A text in both languages."""

    vi: Annotated[str, Field(min_length=1, max_length=200)]
    en: Annotated[str, Field(min_length=1, max_length=200)]

    def text(self) -> LocalText:
        """As the rest of the house knows it."""
        return LocalText(vi=self.vi, en=self.en)


class SecretTable(Table):
    """Where a shared secret stands: an environment variable or a file; `inline` in the demo only.

    Once checked, the secret is known, and strong.
    """

    env: str | None = None
    file: str | None = None
    inline: Annotated[str | None, Field(repr=False)] = None
    _secret: str = PrivateAttr(default="")

    @property
    def secret(self) -> str:
        """The secret itself; it appears in no representation of the table."""
        return self._secret

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> "SecretTable":
        self._secret = self._accepted(
            surroundings_of(info).secret(self.env, self.file, self.inline)
        )
        return self

    def _accepted(self, secret: str | None) -> str:
        if secret is None:
            raise ValueError(f"{STRONG} (none is found there now)")
        if not strong(secret):
            raise ValueError(f"{STRONG} (the one found there is too short or too even)")
        return secret


def surroundings_of(info: ValidationInfo) -> Surroundings:
    """What the table is checked in.

    Raises: TypeError where a table is checked by another way than `checked`.
    """
    if not isinstance(info.context, Surroundings):
        raise TypeError("tables are checked by `checked`")
    return info.context


def plain_address(address: str) -> SplitResult | None:
    """The parts of an address that reads the same to everybody; None for any other text."""
    if not address.isascii() or not address.isprintable() or set(address) & _MISLEADING:
        return None
    try:
        parts = urlsplit(address)
        _ = parts.port  # read here, since a wrong one is only noticed when it is read
    except ValueError:
        return None
    return None if "@" in parts.netloc or "/.." in parts.path else parts


def _web_address(address: str) -> str:
    parts = plain_address(address)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an http or https address without fragment, `*` or user")
    return address


WebAddress = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
"""An address of a system. Systems of 2009 in an agency's own network have no certificate."""


def _found_from_the_folder(name: str, info: ValidationInfo) -> str:
    return str(surroundings_of(info).path(name))


def _readable(path: str) -> str:
    try:
        with Path(path).open("rb"):
            return path
    except (OSError, ValueError):
        raise ValueError("a file that can be read") from None


FilePath = Annotated[str, Field(min_length=1), AfterValidator(_found_from_the_folder)]
"""A file, meant from the folder of the configuration; the checked value is its whole path."""
ReadableFile = Annotated[FilePath, AfterValidator(_readable)]
