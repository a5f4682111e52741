"""The files of one demo: configuration, secrets, and what each stand-in is told."""

import json
import secrets
from pathlib import Path

from idp.demo.province import Resident
from idp.demo.scene import Addresses, Scene
from idp.demo.source import VNEID, DemoSource
from idp.demo.stand_ins import STAND_INS


class DemoFiles:
    """Writes everything into one folder; nothing in it is used anywhere else."""

    def __init__(self, folder: Path, addresses: Addresses, people: list[Resident]) -> None:
        self.folder = folder
        self.config = folder / "lienthong.toml"
        self.facts = folder / "facts.json"
        self.scene = Scene(folder=folder, addresses=addresses, people=tuple(people))
        at = addresses.vneid
        self._source = None if at is None else DemoSource(self.scene, at)

    def write(self) -> None:
        """All files, readable by their owner alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._put(self.config, self._toml())
        if self._source is not None:
            self._put(self.told(VNEID), json.dumps(self._source.settings()))
            for path, pem in self._source.keys().items():
                self._put(path, pem.decode("ascii"))
        for system in STAND_INS:
            self._put(self.told(system.name), json.dumps(system.settings(self.scene)))

    def told(self, name: str) -> Path:
        """The file that a stand-in reads at start."""
        return self.folder / f"{name}.json"

    def _put(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")

    def clients(self) -> list[dict[str, object]]:
        """The registrations, for the facts."""
        portal, hotline = self.scene.address("portal"), self.scene.address("hotline")
        rows: list[tuple[str, str | None, str, str]] = [
            ("portal", self.scene.secret("portal"), "client_secret_basic", f"{portal}/callback"),
            ("hotline", self.scene.secret("hotline"), "client_secret_basic", f"{hotline}/callback"),
            ("sandbox", self.scene.secret("sandbox"), "client_secret_post", _SANDBOX),
            ("sandbox-app", None, "none", "http://127.0.0.1/callback"),
        ]
        return [
            {"id": name, "secret": key, "authentication_method": method, "redirect_uris": [uri]}
            for name, key, method, uri in rows
        ]

    def systems(self) -> list[dict[str, str]]:
        """The systems, for the facts."""
        return [
            {
                "id": system.name,
                "dialect": system.dialect.value,
                "address": self.scene.address(system.name),
            }
            for system in STAND_INS
        ]

    def sources(self) -> list[dict[str, object]]:
        """Where citizens come from, for the facts."""
        at = self.scene.addresses.vneid
        return [] if at is None else [{"id": VNEID, "address": at, "simulated": True}]

    def _toml(self) -> str:
        issuer = self.scene.addresses.issuer
        return (
            f"""# Written by the demo. Secrets stand in this file only because nothing here is real.
[provider]
issuer = "{issuer}"
listen = "{issuer.removeprefix("http://")}"
service_name = {{ vi = "Liên Thông", en = "Liên Thông" }}
support = {{ vi = "Hỗ trợ: tổng đài 1022", en = "Support: call 1022" }}

[storage]
database_url = "sqlite:///{self.folder / "lienthong.sqlite"}"

[keys]
keks = [{{ inline = "{secrets.token_hex(32)}" }}]

[clients.sandbox]
name = {{ vi = "Ứng dụng thử nghiệm", en = "Sandbox application" }}
auth_method = "client_secret_post"
secrets = [{{ inline = "{self.scene.secret("sandbox")}" }}]
redirect_uris = ["{_SANDBOX}"]
post_logout_redirect_uris = ["http://127.0.0.1:8400/"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scopes = ["openid", "profile", "email", "phone", "address", "vn_identity", "reports.read"]
consent = "ask"

[clients.sandbox-app]
name = {{ vi = "Ứng dụng di động thử nghiệm", en = "Sandbox mobile application" }}
application_type = "native"
auth_method = "none"
redirect_uris = ["http://127.0.0.1/callback"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["openid", "profile"]
consent = "ask"
"""
            + "".join(system.toml(self.scene) for system in STAND_INS)
            + ("" if self._source is None else self._source.toml())
        )


_SANDBOX = "http://127.0.0.1:8400/callback"
