"""What the guides tell people to write is what the provider takes."""

import re
import secrets
from pathlib import Path

from connectors.saml.signature import signed
from idp.config import load_settings
from keys.pem import new_rsa_pem
from tests.certificates import certificate
from tests.saml.messages import OTHER_KEY, sp_metadata
from tests.saml_idp import idp_metadata

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
NAMED = (
    "REPORTS_SECRET", "ONESTOP_TICKET", "ONESTOP_VERIFY", "CITIZEN_PORTAL_SECRET", "PERSONNEL_TOKEN",
    "VNEID_SECRET", "INTRANET_SECRET", "MAIL_SECRET", "STAFF_LDAP_PASSWORD",
)  # fmt: skip


def examples(guide: str) -> str:
    """All TOML of a guide, as somebody who follows it ends up with."""
    return "\n".join(
        re.findall(r"```toml\n(.*?)```", (GUIDES / guide).read_text("utf-8"), re.DOTALL)
    )


def _signed_by_the_federation() -> str:
    issuer = '<saml:Issuer xmlns:saml="urn:x"></saml:Issuer><md:IDP'
    marked = idp_metadata(root=' ID="_m"').replace("<md:IDP", issuer, 1)
    return signed(marked, "_m", OTHER_KEY, OTHER_KEY.der)


def test_whoever_copies_every_example_of_the_guides_has_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "lienthong.toml"
    path.write_text(examples("administrator.md") + examples("integrator.md"), "utf-8")
    (tmp_path / "kek").write_text(secrets.token_hex(32))
    (tmp_path / "vnconnect.secret").write_text(secrets.token_hex(32))
    for name in ("vneid.pem", "agency.pem", "sp.pem"):
        (tmp_path / name).write_bytes(new_rsa_pem()[0])
    (tmp_path / "school.xml").write_text(sp_metadata(), "utf-8")
    (tmp_path / "federation.pem").write_bytes(OTHER_KEY.pem)
    (tmp_path / "agency-idp.xml").write_text(_signed_by_the_federation(), "utf-8")
    certificate(tmp_path)
    (tmp_path / "ca.pem").rename(tmp_path / "own-ca.pem")
    settings = load_settings(path, {name: secrets.token_hex(32) for name in NAMED})
    assert "reports" in settings.clients
    assert set(settings.systems) == {
        "reports",
        "onestop",
        "land",
        "citizen-portal",
        "intranet",
        "school",
        "mail",
    }
    assert set(settings.connectors) == {"personnel"}
    assert set(settings.directories) == {"agency-staff"}
    assert set(settings.sources) == {"vnconnect", "vneid", "agency", "staff"}
