"""A simulated VNeID: no ID token, no nonce, answers in an envelope that only the client opens."""

import json
from pathlib import Path

from connectors.simulators.upstream_faults import Fault
from connectors.simulators.upstream_people import Citizen
from connectors.simulators.upstream_source import (
    UpstreamSettings,
    UpstreamSource,
    read_settings,
    start,
)
from keys.envelope import KeyWrap, PayloadCipher, seal_envelope
from keys.pem import load_public_pem, new_rsa_pem


class VnEid(UpstreamSource):
    """Seals every answer of its token and userinfo endpoints for the registered client."""

    def __init__(self, settings: UpstreamSettings) -> None:
        super().__init__(settings, "vneid")
        self._recipient = load_public_pem(Path(settings.recipient_key_file).read_bytes())
        self._of_last_year = load_public_pem(new_rsa_pem()[1])

    def claims(self, person: Citizen) -> dict[str, object]:
        """The claims as the one known adapter reads them."""
        told: dict[str, object] = {
            "citizenPid": person.personal_number(self.faults),
            "fullName": person.full_name(self.faults),
            "birthDate": person.birthdate[:4]
            if Fault.YEAR_ONLY in self.faults
            else "/".join(reversed(person.birthdate.split("-"))),
            "accountType": 2 if person.business else 1,
            "accountLevel": person.level,
        }
        if Fault.WRONG_CLAIMS in self.faults:
            del told["accountType"]
            told["fullName"] = [person.given_name]
        return told

    def sealed(self, answer: dict[str, object]) -> dict[str, object]:
        """`{"data", "key"}`."""
        to = self._of_last_year if Fault.EXPIRED in self.faults else self._recipient
        payload = json.dumps(answer, ensure_ascii=False).encode()
        wrap, cipher = KeyWrap(self.settings.key_wrap), PayloadCipher(self.settings.cipher)
        return dict(seal_envelope(payload, to, wrap, cipher))


if __name__ == "__main__":
    found = read_settings()
    start(VnEid(found).application, found)
