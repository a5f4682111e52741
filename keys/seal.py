"""Sealing: AES-256-GCM under keys that each process derives from the key-encryption keys.

    byte 0        format (1)
    bytes 1–4     which key-encryption key (digest prefix)
    bytes 5–20    salt of the process that sealed
    bytes 21–32   nonce
    then          ciphertext and tag

Why: random nonces under one key are safe for about 2^32 messages, which a busy province would
reach in weeks. A fresh salt per process, renewed after 2^28 messages, gives each its own key.
"""

import hashlib
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys import base64url
from keys.errors import SealBroken

KEK_BYTES = 32
MAX_HANDLE = 8192
MAX_MESSAGES_PER_SALT = 2**28
MAX_OPENING_KEYS = 4096
_FORMAT = b"\x01"
_SALT_AT, _NONCE_AT, _TEXT_AT, _MIN = 5, 21, 33, 33 + 16


class Sealer:
    """Seals with the first key-encryption key, opens with any of them."""

    def __init__(self, keks: Sequence[bytes], *, entropy: Callable[[int], bytes]) -> None:
        if not keks or any(len(kek) != KEK_BYTES for kek in keks):
            raise ValueError("key-encryption keys are 32 bytes each, and at least one is needed")
        self._keks = {kek_id(kek): kek for kek in keks}
        self._sealing_id = kek_id(keks[0])
        self._entropy = entropy
        self._sealing: dict[str, AESGCM] = {}
        self._opening: dict[tuple[bytes, str], AESGCM] = {}
        self._renew()

    def _renew(self) -> None:
        self._head = _FORMAT + self._sealing_id + self._entropy(_NONCE_AT - _SALT_AT)
        self._sealing = {}
        self._left = MAX_MESSAGES_PER_SALT

    def seal(self, purpose: str, plaintext: bytes, context: bytes = b"") -> bytes:
        """Only `open` with the same purpose and context gives the plaintext back."""
        self._left -= 1
        if self._left < 0:
            self._renew()
        key = self._sealing.get(purpose)
        if key is None:
            key = self._sealing[purpose] = self._derive(self._head, purpose)
        nonce = self._entropy(_TEXT_AT - _NONCE_AT)
        return self._head + nonce + key.encrypt(nonce, plaintext, context)

    def open(self, purpose: str, sealed: bytes, context: bytes = b"") -> bytes:
        """The plaintext that was sealed for this purpose and context.

        Raises: SealBroken.
        """
        if len(sealed) < _MIN or sealed[:1] != _FORMAT:
            raise SealBroken("not a sealed value")
        head, nonce = sealed[:_NONCE_AT], sealed[_NONCE_AT:_TEXT_AT]
        known = self._opening.get((head, purpose))
        key = known or self._derive(head, purpose)
        try:
            plaintext = key.decrypt(nonce, sealed[_TEXT_AT:], context)
        except InvalidTag:
            raise SealBroken("does not open") from None
        if known is None:  # only what opened may take room: garbage cannot fill the cache
            if len(self._opening) >= MAX_OPENING_KEYS:
                self._opening.clear()
            self._opening[head, purpose] = key
        return plaintext

    def _derive(self, head: bytes, purpose: str) -> AESGCM:
        kek = self._keks.get(head[1:_SALT_AT])
        if kek is None:
            raise SealBroken("sealed with an unknown key")
        salt, info = head[_SALT_AT:], b"lienthong seal " + purpose.encode()
        return AESGCM(HKDF(SHA256(), KEK_BYTES, salt, info).derive(kek))

    def seal_handle(self, prefix: str, plaintext: bytes, context: bytes = b"") -> str:
        """A sealed value as text: `prefix_base64url`. The prefix is part of what is bound."""
        sealed = self.seal(f"handle {prefix}", plaintext, context)
        return f"{prefix}_{base64url.encode(sealed).decode('ascii')}"

    def open_handle(self, prefix: str, handle: str, context: bytes = b"") -> bytes:
        """What `seal_handle` sealed: compared whole, so a cut or an extended handle is refused.

        Raises: SealBroken.
        """
        start = len(prefix) + 1
        if len(handle) > MAX_HANDLE or handle[:start] != prefix + "_" or not handle.isascii():
            raise SealBroken("not a handle of this kind")
        try:
            sealed = base64url.decode(handle[start:])
        except ValueError:
            raise SealBroken("not canonical base64url") from None
        return self.open(f"handle {prefix}", sealed, context)


def kek_id(kek: bytes) -> bytes:
    """Four bytes that name a key-encryption key without telling it."""
    return hashlib.sha256(b"lienthong kek id" + kek).digest()[:4]
