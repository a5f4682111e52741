"""A keyed mark: what carries it was written by a holder of the key-encryption keys."""

import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Witness:
    """HMAC-SHA-256 under keys of its own, one for each key-encryption key and purpose.

    Why: a plain hash shows a slip; whoever writes the database can compute it anew. A mark he
    cannot make, and a dump does not help him.
    """

    def __init__(self, keks: Sequence[bytes], purpose: str) -> None:
        info = b"lienthong witness " + purpose.encode()
        self._keys = [HKDF(SHA256(), 32, None, info).derive(kek) for kek in keks]

    def mark(self, message: bytes) -> str:
        """64 hexadecimal digits, made with the first key."""
        return hmac.digest(self._keys[0], message, "sha256").hex()

    def confirms(self, message: bytes, mark: str) -> bool:
        """Whether one of our keys made this mark for this message."""
        given = mark.encode()
        return any(
            hmac.compare_digest(hmac.digest(key, message, "sha256").hex().encode(), given)
            for key in self._keys
        )
