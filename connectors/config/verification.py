"""`verification` of a system: how the password of an old account is checked."""

from connectors.config.checked import Table
from connectors.config.problems import Place, Problem
from connectors.config.tables import ReadableFile, SecretTable, WebAddress
from connectors.contract import AccountNames
from connectors.registry import FileVerification, HttpVerification


class VerificationTable(Table):
    """How an old password is checked: by the system, or against an extract."""

    url: WebAddress | None = None
    secret: SecretTable | None = None
    password_file: ReadableFile | None = None
    account_names: AccountNames | None = None
    """Only where the system is asked: the names of an extract are found as they are written."""


def verification_contradictions(table: VerificationTable, place: Place) -> list[Problem]:
    """Keys that are right by themselves, and not together."""
    found: list[Problem] = []
    if not _one_way(table):
        found.append(place.problem("either url and secret, or password_file"))
    if table.account_names is not None and table.url is None:
        wanted = "account_names only where there is a url"
        found.append(place.at("account_names").problem(wanted))
    return found


def _one_way(table: VerificationTable) -> bool:
    by_asking = table.url is not None and table.secret is not None
    by_file = table.password_file is not None
    return by_asking != by_file and (table.url is not None) == (table.secret is not None)


def verification_of(
    table: VerificationTable | None,
) -> HttpVerification | FileVerification | None:
    """The way of a table that has no contradictions."""
    if table is None:
        return None
    if table.url is not None and table.secret is not None:
        return HttpVerification(url=table.url, secret=table.secret.secret)
    return FileVerification(path=table.password_file or "")


def account_names_of(table: VerificationTable | None) -> AccountNames:
    """How the system reads the name of an account."""
    declared = table.account_names if table is not None else None
    return declared or AccountNames.EXACT
