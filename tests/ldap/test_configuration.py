"""Mistakes in the table of a directory are told at the start, with key and what is expected."""

from pathlib import Path

import pytest

from idp.config import ConfigurationRefused, Settings, load_settings
from tests.certificates import certificate
from tests.fixtures_world import ENVIRONMENT, write_config
from tests.ldap.directories import allowed_toml, source_toml


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificate(tmp_path)
    return tmp_path


def loaded(folder: Path, table: str) -> Settings:
    path = write_config(folder, f"sqlite:///{folder / 'x.sqlite'}", more=table)
    return load_settings(path, ENVIRONMENT)


def problems(folder: Path, table: str) -> str:
    with pytest.raises(ConfigurationRefused) as refused:
        loaded(folder, table)
    return "\n".join(map(str, refused.value.problems))


def staff(folder: Path, url: str = "ldaps://ldap.agency.example", more: str = "") -> str:
    return source_toml("staff", url, folder / "ca.pem", more=more)


def test_a_directory_is_read_with_the_habits_of_its_preset(folder: Path) -> None:
    table = source_toml(
        "staff", "ldaps://dc1.agency.example", folder / "ca.pem", preset="active-directory",
        more='attributes = { email = "userPrincipalName" }',
    )  # fmt: skip
    (directory,) = loaded(folder, table).directories.values()
    assert (directory.username_attribute, directory.id_attribute) == (
        "sAMAccountName",
        "objectGUID",
    )
    assert directory.attributes["email"] == "userPrincipalName"
    assert directory.attributes["full_name"] == "displayName"
    assert (directory.place.port, directory.place.start_tls) == (636, False)
    assert (directory.issuer, directory.highest) == ("ldap:staff", 1)


def test_ldap_means_starttls(folder: Path) -> None:
    (directory,) = loaded(folder, staff(folder, "ldap://ldap.agency.example")).directories.values()
    assert (directory.place.port, directory.place.start_tls) == (389, True)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ldaps://ldap.agency.example", "http://ldap.agency.example", "ldaps://host"),
        ("ldaps://ldap.agency.example", "ldaps://ldap.agency.example/dc=x", "ldaps://host"),
        ("ldaps://ldap.agency.example", "ldaps://ldap.agency.example:22", "636 for ldaps"),
        ("ldaps://ldap.agency.example", "ldaps://10.1.2.3", "network.allowed_hosts"),
        ("ldaps://ldap.agency.example", "ldaps://localhost", "network.allowed_hosts"),
        ('base = "ou=people', 'base = "people', "distinguished name"),
        ('env = "SECRET_1"', 'env = "NOTHING"', "random secret"),
        ('preset = "openldap"', 'preset = "edirectory"', "preset"),
        ('preset = "openldap"', 'preset = "openldap"\nclient_id = "x"', "no such key"),
        ('preset = "openldap"', 'preset = "openldap"\nallowed_systems = ["none"]', "declared"),
        ('preset = "openldap"', 'preset = "openldap"\ngroups = []', "groups"),
        ("ca.pem", "key.pem", "certificates in PEM"),
        ("[sources.staff]", "[sources.Staff_1]", "an id of a-z"),
    ],
)
def test_a_mistake_is_told_with_what_is_expected(
    folder: Path, old: str, new: str, told: str
) -> None:
    table = staff(folder)
    assert old in table
    found = problems(folder, table.replace(old, new))
    assert told in found
    assert "sources" in found


def test_a_host_of_a_private_network_is_named_with_its_port(folder: Path) -> None:
    table = staff(folder, "ldaps://10.1.2.3:1636") + allowed_toml(1636, host="10.1.2.3")
    assert loaded(folder, table).directories
