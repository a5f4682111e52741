"""The citizens' source of the demo: a simulated VNeID that knows the citizens of the province."""

from dataclasses import asdict
from pathlib import Path

from connectors.contract import AccountKind
from connectors.simulators.upstream_people import Citizen
from connectors.sources.model import SourceId
from idp.demo.province import Resident
from idp.demo.scene import Scene, secret
from keys.pem import new_rsa_pem

VNEID = SourceId("vneid")


class DemoSource:
    """Both sides of one registration: ours at the source, and what the simulator is told."""

    def __init__(self, scene: Scene, address: str) -> None:
        self._scene = scene
        self._address = address
        self._client_secret = secret()
        self._key = scene.folder / "vneid-envelope.pem"
        self._public_key = scene.folder / "vneid-envelope.pub.pem"

    def keys(self) -> dict[Path, bytes]:
        """The key pair for which the simulator seals its answers, by file."""
        private, public = new_rsa_pem()
        return {self._key: private, self._public_key: public}

    def toml(self) -> str:
        """Its part of the provider's configuration."""
        at = self._address
        return f"""
[sources.{VNEID}]
preset = "vneid"
name = {{ vi = "VNeID (mô phỏng)", en = "VNeID (simulated)" }}
issuer = "{at}"
client_id = "province"
secret = {{ inline = "{self._client_secret}" }}
endpoints = {{ authorization = "{at}/authorize", token = "{at}/token", userinfo = "{at}/userinfo" }}
envelope = {{ key_file = "{self._key}", key_wrap = "RSA-OAEP-256", cipher = "A256GCM" }}
"""

    def settings(self) -> dict[str, object]:
        """What the simulator reads at start."""
        citizens = [p for p in self._scene.people if p.kind is AccountKind.CITIZEN]
        return {
            "name_vi": "VNeID (mô phỏng)",
            "name_en": "VNeID (simulated)",
            "address": self._address,
            "client_id": "province",
            "client_secret": self._client_secret,
            "redirect_uris": [f"{self._scene.addresses.issuer}/upstream/{VNEID}/callback"],
            "recipient_key_file": str(self._public_key),
            "people": [asdict(known_there(person)) for person in citizens],
        }


def known_there(person: Resident) -> Citizen:
    """The electronic identity of a citizen of the province."""
    attributes = person.attributes
    if not (attributes.full_name and attributes.personal_number and attributes.birthdate):
        raise LookupError("a citizen of the demo lacks a name, a number or a date of birth")
    family_name, _, given_name = attributes.full_name.rpartition(" ")
    return Citizen(
        key=person.username,
        subject=attributes.personal_number,
        number=attributes.personal_number,
        family_name=family_name,
        given_name=given_name,
        birthdate=attributes.birthdate.value,
    )
