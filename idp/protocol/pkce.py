"""Proof Key for Code Exchange: S256, and nothing else."""

import hashlib
import hmac
import re

from idp.errors import InvalidGrant, InvalidRequest
from keys import base64url

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def read_challenge(challenge: str | None, method: str | None, *, required: bool) -> str | None:
    """The S256 challenge, or None where the client need not send one and did not.

    Spec: RFC 7636 §4.3, §4.4.1; RFC 9700 §2.1.1
    Raises: InvalidRequest.
    """
    if challenge is None:
        if required or method is not None:
            raise InvalidRequest("code_challenge is required")
        return None
    if method != "S256":
        raise InvalidRequest("code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("code_challenge must be 43 base64url characters")
    return challenge


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """The verifier belongs to the challenge; neither may stand alone.

    Spec: RFC 7636 §4.6; RFC 9700 §2.1.1 (a verifier without a challenge is a downgrade)
    Raises: InvalidGrant.
    """
    if challenge is None and verifier is None:
        return
    if challenge is None or verifier is None or not _VERIFIER.fullmatch(verifier):
        raise InvalidGrant("code_verifier does not match")
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    computed = base64url.encode(digest)
    if not hmac.compare_digest(computed, challenge.encode("ascii")):
        raise InvalidGrant("code_verifier does not match")
