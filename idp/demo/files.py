"""The files of one demo: configuration, secrets, and what each stand-in is told."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from idp.demo.province import Resident


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything of the demo listens."""

    issuer: str
    portal: str
    hotline: str
    onestop: str


def secret() -> str:
    """A fresh secret."""
    return secrets.token_urlsafe(36)


class DemoFiles:
    """Writes everything into one folder; nothing in it is used anywhere else."""

    def __init__(self, folder: Path, addresses: Addresses, people: list[Resident]) -> None:
        self.folder = folder
        self.addresses = addresses
        self.people = people
        self.config = folder / "lienthong.toml"
        self.facts = folder / "facts.json"
        self.client_secrets = {name: secret() for name in ("portal", "hotline", "sandbox")}
        self._ticket_secret, self._verify_secret = secret(), secret()

    def write(self) -> None:
        """All files, readable by their owner alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._put(self.config, self._toml())
        for name in ("portal", "hotline", "onestop"):
            self._put(self.folder / f"{name}.json", json.dumps(self._stand_in(name)))

    def _put(self, path: Path, text: str) -> None:
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")

    def clients(self) -> list[dict[str, object]]:
        """The registrations, for the facts."""
        a = self.addresses
        rows = [
            ("portal", "client_secret_basic", [f"{a.portal}/callback"]),
            ("hotline", "client_secret_basic", [f"{a.hotline}/callback"]),
            ("sandbox", "client_secret_post", ["http://127.0.0.1:8400/callback"]),
        ]
        found: list[dict[str, object]] = [
            {
                "id": name,
                "secret": self.client_secrets[name],
                "authentication_method": method,
                "redirect_uris": uris,
            }
            for name, method, uris in rows
        ]
        found.append(
            {
                "id": "sandbox-app",
                "secret": None,
                "authentication_method": "none",
                "redirect_uris": ["http://127.0.0.1/callback"],
            }
        )
        return found

    def systems(self) -> list[dict[str, str]]:
        """The systems, for the facts."""
        a = self.addresses
        return [
            {"id": "portal", "dialect": "oidc", "address": a.portal},
            {"id": "hotline", "dialect": "oidc", "address": a.hotline},
            {"id": "onestop", "dialect": "signed_ticket", "address": a.onestop},
        ]

    def _stand_in(self, name: str) -> dict[str, object]:
        names = {
            "portal": ("Cổng Dịch vụ công của tỉnh", "Provincial public-service portal", "#1c5d3a"),
            "hotline": ("Tổng đài 1022", "1022 hotline", "#7a3e00"),
            "onestop": ("Một cửa điện tử (2009)", "One-stop application (2009)", "#3b3b74"),
        }
        vi, en, colour = names[name]
        told: dict[str, object] = {
            "name_vi": vi,
            "name_en": en,
            "colour": colour,
            "address": getattr(self.addresses, name),
            "issuer": self.addresses.issuer,
            "database": str(self.folder / f"{name}.sqlite"),
        }
        if name == "onestop":
            told |= {
                "ticket_secret": self._ticket_secret,
                "verify_secret": self._verify_secret,
                "old_accounts": [
                    {
                        "account": person.old_account,
                        "password": person.old_password,
                        "name": person.attributes.full_name,
                    }
                    for person in self.people
                    if person.old_account
                ],
            }
        else:
            told |= {"client_id": name, "client_secret": self.client_secrets[name]}
        return told

    def _toml(self) -> str:
        a = self.addresses
        return f"""# Written by the demo. Secrets stand in this file only because nothing here is real.
[provider]
issuer = "{a.issuer}"
listen = "{a.issuer.removeprefix("http://")}"
service_name = {{ vi = "Liên Thông", en = "Liên Thông" }}
support = {{ vi = "Hỗ trợ: tổng đài 1022", en = "Support: call 1022" }}

[storage]
database_url = "sqlite:///{self.folder / "lienthong.sqlite"}"

[keys]
keks = [{{ inline = "{secrets.token_hex(32)}" }}]

[clients.portal]
name = {{ vi = "Cổng Dịch vụ công của tỉnh", en = "Provincial public-service portal" }}
secrets = [{{ inline = "{self.client_secrets["portal"]}" }}]
redirect_uris = ["{a.portal}/callback"]
post_logout_redirect_uris = ["{a.portal}/"]
backchannel_logout_uri = "{a.portal}/backchannel-logout"
grant_types = ["authorization_code", "refresh_token"]
scopes = ["openid", "profile", "vn_identity"]
system = "portal"
consent = "implied"

[clients.hotline]
name = {{ vi = "Tổng đài 1022", en = "1022 hotline" }}
secrets = [{{ inline = "{self.client_secrets["hotline"]}" }}]
redirect_uris = ["{a.hotline}/callback"]
post_logout_redirect_uris = ["{a.hotline}/"]
backchannel_logout_uri = "{a.hotline}/backchannel-logout"
scopes = ["openid", "profile", "phone"]
system = "hotline"
consent = "implied"

[clients.sandbox]
name = {{ vi = "Ứng dụng thử nghiệm", en = "Sandbox application" }}
auth_method = "client_secret_post"
secrets = [{{ inline = "{self.client_secrets["sandbox"]}" }}]
redirect_uris = ["http://127.0.0.1:8400/callback"]
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

[systems.portal]
name = {{ vi = "Cổng Dịch vụ công của tỉnh", en = "Provincial public-service portal" }}
owners = [{{ code = "H55.1", name = "Văn phòng Ủy ban nhân dân", valid_from = 2025-07-01 }}]
level = "province"
dialect = "oidc"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "dvc-"
address = "{a.portal}/"

[systems.hotline]
name = {{ vi = "Tổng đài 1022", en = "1022 hotline" }}
owners = [{{ code = "H55.2", name = "Sở Khoa học và Công nghệ", valid_from = 2025-07-01 }}]
level = "province"
dialect = "oidc"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "1022-"
address = "{a.hotline}/"

[systems.onestop]
name = {{ vi = "Một cửa điện tử (2009)", en = "One-stop application (2009)" }}
owners = [{{ code = "H55.242", name = "Phường Thủ Dầu Một", valid_from = 2025-07-01 }}]
level = "commune"
dialect = "signed_ticket"
when_unlinked = "claim"
claims = [
  {{ claim = "name", source = "full_name", required = true }},
  {{ claim = "birth_year", source = "birthdate", transform = "year_only" }},
]
address = "{a.onestop}/"
verification = {{ url = "{a.onestop}/verify-account", secret = {{ inline = "{self._verify_secret}" }} }}
ticket = {{ return_urls = ["{a.onestop}/ticket"], logout_url = "{a.onestop}/logout-ticket", secrets = [{{ inline = "{self._ticket_secret}" }}] }}
"""
