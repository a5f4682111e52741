"""P06: which new passwords are taken at the one door that takes any, `lienthong accounts add`."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.authn.password_policy import _common
from idp.cli.main import lienthong
from idp.store.sql_migrate import migrate
from idp.store.sql_schema import metadata
from tests.fixtures_world import ENVIRONMENT, write_config

NAME = "anh.tuyet"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new-passwords")
    url = f"sqlite:///{folder / 'new.sqlite'}"
    migrate(url)
    write_config(folder, url)
    return folder


def people(folder: Path) -> int:
    with sqlite3.connect(folder / "new.sqlite") as database:
        (count,) = database.execute("SELECT count(*) FROM subject").fetchone()
    return int(count)


def add(folder: Path, password: str, *options: str, name: str = NAME) -> tuple[int, str]:
    """The exit code, and what is told."""
    arguments = ["accounts", "add", "-c", str(folder / "lienthong.toml"), name]
    arguments += ["--full-name", "Trần Thị Ánh Tuyết", "--password", password, *options]
    result = CliRunner().invoke(lienthong, arguments, env=ENVIRONMENT)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("password", "options", "reason"),
    [
        ("mua roi tren m", ["--no-otp"], "at least 15"),
        ("mua roi", ["--otp"], "at least 8"),
        ("PassWord1234", ["--otp"], "most common"),
        ("toi la anh.tuyet day", ["--no-otp"], "user name"),
        ("lien thong LienThong", ["--no-otp"], "name of this service"),
    ],
    ids=["P06-14-alone", "P06-7-with-otp", "P06-common", "P06-user-name", "P06-service"],
)
def test_a_weak_new_password_is_refused_with_its_reason_and_opens_no_account(
    folder: Path, password: str, options: list[str], reason: str
) -> None:
    before = people(folder)
    code, told = add(folder, password, *options)
    assert (code, reason in told) == (1, True)
    assert password not in told
    assert people(folder) == before


def test_three_thousand_of_the_most_common_passwords_are_known() -> None:
    """P06: of those that are long enough to need a list."""
    assert len(_common()) >= 3000
    assert all(len(password) >= 8 for password in _common())


@pytest.mark.parametrize(
    ("name", "password"),
    [("an.1", "chi co chu thuong"), ("an.2", "11111111111111112"), ("an.3", "        dau cach")],
    ids=["P06-letters", "P06-digits", "P06-spaces"],
)
def test_no_rule_of_composition_stands_in_the_way(folder: Path, name: str, password: str) -> None:
    assert add(folder, password, "--no-otp", name=name)[0] == 0


def test_nothing_is_stored_by_which_a_password_could_expire() -> None:
    """P06: nobody is asked to change a password because time has passed."""
    columns = {column.name for column in metadata.tables["subject"].columns}
    of_passwords = {name for name in columns if "password" in name or "expire" in name}
    assert of_passwords == {"password_hash"}
