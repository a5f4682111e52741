"""SAML sources in TOML: every mistake is told with its key, at start."""

from pathlib import Path

import pytest

from connectors.contract import AccountKind, Assurance
from connectors.saml.signature import signed
from connectors.sources.model import SourceId
from tests.saml.messages import OTHER_KEY
from tests.saml_idp import IDP, KEY, SLO, SSO, idp_metadata, saml_source
from tests.sources.test_configuration import read

OWN = """\nmetadata_certificate_file = "signer.pem"\n"""


def test_what_the_metadata_says_is_known(tmp_path: Path) -> None:
    sources, problems = read(saml_source(tmp_path), tmp_path)
    assert problems == set()
    source = sources[SourceId("staff")]
    assert source.saml
    assert (source.issuer, source.saml.sso_url, source.saml.slo_url) == (IDP, SSO, SLO)
    assert source.saml.certificates == (KEY.der,)
    assert (source.highest, source.saml.kind) == (Assurance.LEVEL_2, AccountKind.STAFF)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('metadata_file = "staff.xml"', "", "staff.metadata_file"),
        ('metadata_file = "staff.xml"', 'metadata_file = "no.xml"', "staff.metadata_file"),
        ('metadata_file = "staff.xml"', 'metadata_file = "bad.xml"', "staff"),
        ('metadata_file = "staff.xml"', 'metadata_file = "old.xml"', "staff"),
        ('metadata_file = "staff.xml"', 'metadata_file = "ftp.xml"', "staff"),
        ('full_name = "cn", ', "", "staff.attributes"),
        ('full_name = "cn"', 'full_name = "cn", colour = "c"', "staff.attributes.colour.[key]"),
        ('account_kind = "staff"', 'account_kind = "king"', "staff.account_kind"),
        ('account_kind = "staff"', 'client_id = "x"', "staff.client_id"),
        ('account_kind = "staff"', 'allowed_systems = ["no"]', "staff.allowed_systems"),
        ('account_kind = "staff"', 'decryption_key_file = "bad.xml"', "staff.decryption_key_file"),
        ("assurance = ", "#", "staff.assurance"),
        (" = 2 }", " = 3 }", "staff.assurance.https://refeds.org/profile/mfa"),
    ],
)
def test_every_mistake_is_told_with_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    (tmp_path / "bad.xml").write_text("<a/>")
    (tmp_path / "old.xml").write_text(idp_metadata(root=' validUntil="2020-01-01T00:00:00Z"'))
    (tmp_path / "ftp.xml").write_text(idp_metadata(sso="ftp://idp.test/"))
    text = saml_source(tmp_path)
    assert old in text
    assert read(text.replace(old, new, 1), tmp_path)[1] == {f"sources.{key}"}


def test_two_tables_never_speak_for_the_same_people(tmp_path: Path) -> None:
    text = saml_source(tmp_path) + saml_source(tmp_path, name="again")
    assert read(text, tmp_path)[1] == {"sources.again.metadata_file"}


def test_metadata_counts_only_under_the_signature_that_was_pinned(tmp_path: Path) -> None:
    (tmp_path / "signer.pem").write_bytes(OTHER_KEY.pem)
    marked = idp_metadata(root=' ID="_m"').replace(
        "<md:IDP", '<saml:Issuer xmlns:saml="urn:x"></saml:Issuer><md:IDP', 1
    )
    good = signed(marked, "_m", OTHER_KEY, OTHER_KEY.der)
    assert read(saml_source(tmp_path, more=OWN, metadata=good), tmp_path)[1] == set()
    for bad in (marked, signed(marked, "_m", KEY, KEY.der), good.replace(SSO, "https://evil.test")):
        found = read(saml_source(tmp_path, more=OWN, metadata=bad), tmp_path)[1]
        assert found == {"sources.staff"}
