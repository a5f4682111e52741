"""The systems of the demo: what each declares to the provider, and what each is told itself.

A further system is one more entry of `STAND_INS`, with its declaration beside the others.
"""

from collections.abc import Callable
from dataclasses import dataclass

from connectors.contract import Dialect
from idp.demo.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSystem:
    """One system of the demo, running in a process of its own."""

    name: str
    dialect: Dialect
    vi: str
    en: str
    colour: str
    declaration: Callable[[Scene], str]
    """Its tables in the provider's configuration, without `name`, `dialect` and `address`."""
    told: Callable[[Scene], dict[str, object]]
    """What it is told at start, beside its names and addresses."""

    def toml(self, scene: Scene) -> str:
        """Its part of the provider's configuration."""
        return f"""
[systems.{self.name}]
name = {{ vi = "{self.vi}", en = "{self.en}" }}
dialect = "{self.dialect}"
address = "{scene.address(self.name)}/"
{self.declaration(scene)}"""

    def settings(self, scene: Scene) -> dict[str, object]:
        """Its own configuration."""
        return {
            "name_vi": self.vi,
            "name_en": self.en,
            "colour": self.colour,
            "address": scene.address(self.name),
            "issuer": scene.addresses.issuer,
            "database": str(scene.folder / f"{self.name}.sqlite"),
        } | self.told(scene)


def client(scene: Scene, name: str, texts: str, scopes: str, grants: str = "") -> str:
    """The OIDC registration of a system that signs people in by itself."""
    address = scene.address(name)
    return f"""
[clients.{name}]
name = {texts}
secrets = [{{ inline = "{scene.secret(name)}" }}]
redirect_uris = ["{address}/callback"]
post_logout_redirect_uris = ["{address}/"]
backchannel_logout_uri = "{address}/backchannel-logout"
scopes = [{scopes}]
{grants}system = "{name}"
consent = "implied"
"""


def _registered(name: str) -> Callable[[Scene], dict[str, object]]:
    return lambda scene: {"client_id": name, "client_secret": scene.secret(name)}


def _portal(scene: Scene) -> str:
    texts = '{ vi = "Cổng Dịch vụ công của tỉnh", en = "Provincial public-service portal" }'
    scopes = '"openid", "profile", "vn_identity"'
    grants = 'grant_types = ["authorization_code", "refresh_token"]\n'
    return f"""owners = [{{ code = "H55.1", name = "Văn phòng Ủy ban nhân dân", valid_from = 2025-07-01 }}]
level = "province"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "dvc-"
{client(scene, "portal", texts, scopes, grants)}"""


def _hotline(scene: Scene) -> str:
    texts = '{ vi = "Tổng đài 1022", en = "1022 hotline" }'
    return f"""owners = [{{ code = "H55.2", name = "Sở Khoa học và Công nghệ", valid_from = 2025-07-01 }}]
level = "province"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "1022-"
{client(scene, "hotline", texts, '"openid", "profile", "phone"')}"""


def _onestop(scene: Scene) -> str:
    address = scene.address("onestop")
    return f"""owners = [{{ code = "H55.242", name = "Phường Thủ Dầu Một", valid_from = 2025-07-01 }}]
level = "commune"
when_unlinked = "claim"
claims = [
  {{ claim = "name", source = "full_name", required = true }},
  {{ claim = "birth_year", source = "birthdate", transform = "year_only" }},
]

[systems.onestop.verification]
url = "{address}/verify-account"
secret = {{ inline = "{scene.secret("onestop verification")}" }}

[systems.onestop.ticket]
return_urls = ["{address}/ticket"]
logout_url = "{address}/logout-ticket"
secrets = [{{ inline = "{scene.secret("onestop ticket")}" }}]
"""


def _onestop_told(scene: Scene) -> dict[str, object]:
    return {
        "ticket_secret": scene.secret("onestop ticket"),
        "verify_secret": scene.secret("onestop verification"),
        "old_accounts": [
            {
                "account": person.old_account,
                "password": person.old_password,
                "name": person.attributes.full_name,
            }
            for person in scene.people
            if person.old_account
        ],
    }


def _land(scene: Scene) -> str:
    return f"""owners = [{{ code = "H55.3", name = "Sở Nông nghiệp và Môi trường", valid_from = 2025-07-01 }}]
level = "province"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "dd-"
claims = [
  {{ claim = "name", source = "full_name" }},
  {{ claim = "birth_year", source = "birthdate", transform = "year_only" }},
]
cas = {{ services = ["{scene.address("land")}/"] }}
"""


def _school(scene: Scene) -> str:
    address = scene.address("school")
    return f"""owners = [{{ code = "H55.8", name = "Sở Giáo dục và Đào tạo", valid_from = 2025-07-01 }}]
level = "province"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "hs-"
claims = [
  {{ claim = "name", source = "full_name" }},
  {{ claim = "local_account", source = "local_account" }},
]

[systems.school.saml]
entity_id = "{address}/metadata"
acs = [{{ url = "{address}/acs" }}]
slo_soap_url = "{address}/soap"
want_signed_requests = false
"""


def _intranet(scene: Scene) -> str:
    return f"""owners = [{{ code = "H55.1", name = "Văn phòng Ủy ban nhân dân", valid_from = 2025-07-01 }}]
level = "province"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "cb-"
claims = [{{ claim = "name", source = "full_name" }}]

[systems.intranet.forward_auth]
origins = ["{scene.address("intranet")}"]
secrets = [{{ inline = "{scene.secret("intranet")}" }}]
public_paths = ["/public", "/healthz"]
headers = {{ x-auth-name = "name" }}
admits = {{ account_kinds = ["staff"] }}
"""


STAND_INS: tuple[DemoSystem, ...] = (
    DemoSystem(
        name="portal", dialect=Dialect.OIDC, colour="#1c5d3a",
        vi="Cổng Dịch vụ công của tỉnh", en="Provincial public-service portal",
        declaration=_portal, told=_registered("portal"),
    ),
    DemoSystem(
        name="hotline", dialect=Dialect.OIDC, colour="#7a3e00",
        vi="Tổng đài 1022", en="1022 hotline",
        declaration=_hotline, told=_registered("hotline"),
    ),
    DemoSystem(
        name="onestop", dialect=Dialect.SIGNED_TICKET, colour="#3b3b74",
        vi="Một cửa điện tử (2009)", en="One-stop application (2009)",
        declaration=_onestop, told=_onestop_told,
    ),
    DemoSystem(
        name="land", dialect=Dialect.CAS, colour="#5a3d1c",
        vi="Đất đai", en="Land registry",
        declaration=_land, told=lambda _: {},
    ),
    DemoSystem(
        name="school", dialect=Dialect.SAML, colour="#6b2a4a",
        vi="Quản lý trường học", en="School administration",
        declaration=_school, told=lambda _: {},
    ),
    DemoSystem(
        name="intranet", dialect=Dialect.FORWARD_AUTH, colour="#1f4e5f",
        vi="Mạng nội bộ cán bộ", en="Staff intranet",
        declaration=_intranet, told=lambda scene: {"identity_secret": scene.secret("intranet")},
    ),
)  # fmt: skip
