"""Answers that come as `{"data", "key"}`: an AES payload, its key wrapped under our RSA key.

This is how VNeID was seen to answer. Its exact modes are not published, so a deployment names
them; only modes that are still sound are on offer (no PKCS#1 v1.5, no ECB).
"""

import os
from base64 import b64decode, b64encode
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.padding import PKCS7

from keys.errors import SealBroken

KEY_BYTES = 32
_GCM_NONCE, _CBC_IV, _BLOCK_BITS = 12, 16, 128


class KeyWrap(StrEnum):
    """How the AES key is wrapped (RFC 8017 §7.1)."""

    OAEP_SHA256 = "RSA-OAEP-256"
    OAEP_SHA1 = "RSA-OAEP"


class PayloadCipher(StrEnum):
    """How the payload is encrypted; the nonce or IV stands before it."""

    GCM = "A256GCM"
    CBC = "A256CBC"
    """Not authenticated: what it protects is the channel's (TLS to a registered address)."""


def open_envelope(
    data: str, key: str, private_key: object, wrap: KeyWrap, cipher: PayloadCipher
) -> bytes:
    """The payload.

    Shape: `data` and `key` in standard base64; `data` is nonce or IV, then the ciphertext.
    Raises: SealBroken, whatever of it did not fit.
    """
    if not isinstance(private_key, rsa.RSAPrivateKey):
        raise SealBroken("no RSA key")
    try:
        secret = private_key.decrypt(b64decode(key, validate=True), _oaep(wrap))
        return _decrypt(secret, b64decode(data, validate=True), cipher)
    except (ValueError, InvalidTag):
        raise SealBroken("does not open") from None


def seal_envelope(
    payload: bytes, public_key: object, wrap: KeyWrap, cipher: PayloadCipher
) -> dict[str, str]:
    """What `open_envelope` opens: for the simulator, and for whoever stands in for the ministry.

    Raises: SealBroken where the key is none of RSA.
    """
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise SealBroken("no RSA key")
    secret = os.urandom(KEY_BYTES)
    wrapped = public_key.encrypt(secret, _oaep(wrap))
    data = _encrypt(secret, payload, cipher)
    return {"data": b64encode(data).decode(), "key": b64encode(wrapped).decode()}


def _oaep(wrap: KeyWrap) -> padding.OAEP:
    match wrap:
        case KeyWrap.OAEP_SHA256:
            return padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
        case KeyWrap.OAEP_SHA1:  # the hash of OAEP needs no collision resistance
            return padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303 - see above


def _decrypt(secret: bytes, data: bytes, cipher: PayloadCipher) -> bytes:
    if len(secret) != KEY_BYTES:
        raise ValueError("key size")
    match cipher:
        case PayloadCipher.GCM:
            return AESGCM(secret).decrypt(data[:_GCM_NONCE], data[_GCM_NONCE:], None)
        case PayloadCipher.CBC:
            decryptor = Cipher(algorithms.AES(secret), modes.CBC(data[:_CBC_IV])).decryptor()
            padded = decryptor.update(data[_CBC_IV:]) + decryptor.finalize()
            unpadder = PKCS7(_BLOCK_BITS).unpadder()
            return unpadder.update(padded) + unpadder.finalize()


def _encrypt(secret: bytes, payload: bytes, cipher: PayloadCipher) -> bytes:
    match cipher:
        case PayloadCipher.GCM:
            nonce = os.urandom(_GCM_NONCE)
            return nonce + AESGCM(secret).encrypt(nonce, payload, None)
        case PayloadCipher.CBC:
            initial = os.urandom(_CBC_IV)
            padder = PKCS7(_BLOCK_BITS).padder()
            padded = padder.update(payload) + padder.finalize()
            encryptor = Cipher(algorithms.AES(secret), modes.CBC(initial)).encryptor()
            return initial + encryptor.update(padded) + encryptor.finalize()
