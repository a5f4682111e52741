"""Checking against an extract of an old password table: `account,scheme,salt,digest`."""

import asyncio
import csv
import hashlib
import hmac
import unicodedata
from pathlib import Path

from connectors.contract import AccountId, CannotCheck, NotProven, ProofOutcome, Proven

SCHEMES = ("md5", "sha1", "sha256")
_NOBODY = ("sha256", "", "0" * 64)


class PasswordFileVerifier:
    """Old salted digests, `hash(salt + password)` in hexadecimal. Plain passwords are not read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def prove(self, account_name: str, password: str) -> ProofOutcome:
        """See `AccountVerifier.prove`. The file is read at every call: an extract can be renewed."""
        try:
            table = await asyncio.to_thread(self._read)
        except (OSError, ValueError, KeyError, csv.Error):
            return CannotCheck("extract unreadable")
        name = _composed(account_name)
        scheme, salt, digest = table.get(name, _NOBODY)
        computed = hashlib.new(scheme, (salt + password).encode(), usedforsecurity=False)
        fits = hmac.compare_digest(computed.hexdigest().encode(), digest.lower().encode())
        return Proven(AccountId(name)) if fits and name in table else NotProven()

    def _read(self) -> dict[str, tuple[str, str, str]]:
        with self._path.open(encoding="utf-8-sig", newline="") as file:
            return {
                _composed(row["account"]): (row["scheme"], row["salt"], row["digest"])
                for row in csv.DictReader(file)
                if row["account"] and row["scheme"] in SCHEMES and row["digest"]
            }


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip())
