"""Reading what a source tells: texts are cleaned, and anything of another shape is nonsense."""

import unicodedata
from collections.abc import Mapping

from connectors.contract import Birthdate
from connectors.errors import UpstreamRefused
from connectors.identifiers.birthdate import read_birthdate
from connectors.identifiers.personal_number import is_personal_number
from connectors.identifiers.phone import e164

MAX_TEXT = 300
MAX_SUBJECT = 255


class Told:
    """The claims of one answer."""

    def __init__(self, claims: Mapping[str, object]) -> None:
        self._claims = claims

    def text(self, *names: str) -> str | None:
        """The first of these claims that says anything, in NFC; None where all are empty.

        Raises: UpstreamRefused for anything but short printable text.
        """
        for name in names:
            value = self._claims.get(name)
            if value is None:
                continue
            if not isinstance(value, str) or len(value) > MAX_TEXT:
                raise UpstreamRefused("claim_shape")
            cleaned = unicodedata.normalize("NFC", " ".join(value.split()))
            if not cleaned.isprintable():
                raise UpstreamRefused("claim_shape")
            if cleaned:
                return cleaned
        return None

    def subject(self, name: str) -> str:
        """The subject, byte for byte as it came.

        Spec: OIDC Core §2 (`sub`: at most 255 ASCII characters, case-sensitive)
        Raises: UpstreamRefused.
        """
        value = self._claims.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_SUBJECT:
            raise UpstreamRefused("subject")
        if not value.isascii() or not value.isprintable() or value.strip() != value:
            raise UpstreamRefused("subject")
        return value

    def full_name(self, name: str) -> str:
        """The full name, one string.

        Raises: UpstreamRefused where there is none.
        """
        found = self.text(name)
        if found is None:
            raise UpstreamRefused("name_missing")
        return found

    def phone(self, name: str) -> str | None:
        """The number in international form; None where it is none.

        Raises: UpstreamRefused.
        """
        return e164(self.text(name) or "") or None

    def birthdate(self, name: str) -> Birthdate | None:
        """The date as far as it is known; None where it is none.

        Raises: UpstreamRefused.
        """
        found = self.text(name)
        return None if found is None else read_birthdate(found)

    def personal_number(self, *names: str) -> str | None:
        """The first of these claims that is a personal number; an identity card's is passed over.

        Raises: UpstreamRefused.
        """
        for name in names:
            found = self.text(name)
            if found is not None and is_personal_number(found):
                return found
        return None

    def truth(self, name: str) -> bool:
        """Whether the claim is JSON `true`; the word "true", 1 or a list are not."""
        return self._claims.get(name) is True

    def code(self, name: str) -> str | None:
        """A level or a kind: a text, or a small number as text.

        Raises: UpstreamRefused.
        """
        value = self._claims.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 100:
            return str(value)
        return self.text(name)
