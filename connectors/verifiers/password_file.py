"""Checking against an extract of an old password table: `account,scheme,salt,digest`."""

import asyncio
import csv
import hashlib
import hmac
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
        scheme, salt, digest = table.get(account_name, _NOBODY)
        computed = hashlib.new(scheme, (salt + password).encode(), usedforsecurity=False)
        fits = hmac.compare_digest(computed.hexdigest().encode(), digest.lower().encode())
        return Proven(AccountId(account_name)) if fits and account_name in table else NotProven()

    def _read(self) -> dict[str, tuple[str, str, str]]:
        with self._path.open(encoding="utf-8-sig", newline="") as file:
            return {
                row["account"]: (row["scheme"], row["salt"], row["digest"])
                for row in csv.DictReader(file)
                if row["scheme"] in SCHEMES and row["digest"]
            }
