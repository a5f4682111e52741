"""Every mistake in `[systems.ID.provisioning]` stops the start, and is told at its key."""

import pytest

from connectors.registry import ScimPush
from tests.connectors.test_config import OIDC, keys_of, read

CLAIMED = OIDC + 'claims = [{ claim = "name", source = "full_name" }]\n'
REFUSING = CLAIMED.replace('"create"', '"refuse"')
SECRET = '{ env = "TICKET" }'
SCIM = f'deliver = "scim", url = "https://a/", token = {SECRET}'
HOOK = f'deliver = "webhook", url = "https://a/", secrets = [{SECRET}]'
EVENTS = 'deliver = "events", url = "https://a/", audience = "a"'
CSV = 'deliver = "csv", folder = "/", fields = { a = "account" }'
REST = f'deliver = "rest", url = "https://a/", token = {SECRET}, fields = {{ a = "account" }}'
REST_WITH_EMAIL = REST.replace('"account"', '"account", b = "email"')
CSV_NOWHERE = CSV.replace('"/"', '"/nowhere-at-all"')
JIT, PRE = 'mode = "just-in-time"', 'mode = "pre-provision"'


@pytest.mark.parametrize(
    ("toml", "table", "keys"),
    [
        (CLAIMED, f'mode = "nightly", {SCIM}', {"mode"}),
        (CLAIMED, SCIM, {"mode"}),
        (CLAIMED, f"{JIT}, {SCIM}, colour = 1", {"colour"}),
        (CLAIMED, f'{JIT}, deliver = "pigeon"', {"deliver"}),
        (CLAIMED, f"{JIT}, {HOOK}", {"deliver"}),
        (CLAIMED, f"{JIT}, {EVENTS}", {"deliver"}),
        (CLAIMED, f'mode = "notify", {SCIM}', {"deliver"}),
        (CLAIMED, 'mode = "notify"', {"deliver"}),
        (CLAIMED, 'mode = "disable"', {"deliver"}),
        (REFUSING, f'mode = "match-only", {SCIM}', {"deliver"}),
        (REFUSING, f"{JIT}, {SCIM}", {""}),
        (REFUSING, f'{PRE}, eligible = ["staff"], {SCIM}', {""}),
        (CLAIMED, 'mode = "match-only"', {""}),
        (CLAIMED, f"{PRE}, {SCIM}", {"eligible"}),
        (CLAIMED, f"{PRE}, eligible = [], {SCIM}", {"eligible"}),
        (CLAIMED, f'{PRE}, eligible = ["guests"], {SCIM}', {"eligible.0"}),
        (CLAIMED, f'{JIT}, eligible = ["staff"], {SCIM}', {"eligible"}),
        (CLAIMED, f'{JIT}, deliver = "scim"', {"url", "token"}),
        (CLAIMED, f'{JIT}, deliver = "rest"', {"url", "token", "fields"}),
        (CLAIMED, f'{JIT}, deliver = "csv"', {"folder", "fields"}),
        (CLAIMED, 'mode = "notify", deliver = "events"', {"url", "audience"}),
        (CLAIMED, 'mode = "notify", deliver = "poll"', {"client", "audience"}),
        (CLAIMED, f'{JIT}, deliver = "poll", client = "a", audience = "a"', {"deliver"}),
        (CLAIMED, f'mode = "notify", {HOOK}, client = "a"', {"client"}),
        (CLAIMED, 'mode = "notify", deliver = "webhook"', {"url", "secrets"}),
        (CLAIMED, f'{JIT}, {SCIM}, method = "PUT"', {"method"}),
        (CLAIMED, f'mode = "notify", {HOOK}, audience = "a"', {"audience"}),
        (CLAIMED, f'mode = "notify", {EVENTS}, bulk = true', {"bulk"}),
        (CLAIMED, f'{JIT}, {SCIM}, extension = "http://a"', {"extension"}),
        (CLAIMED, f'{JIT}, {SCIM}, bulk = "yes"', {"bulk"}),
        (CLAIMED, f'{JIT}, {SCIM.replace("https", "ftp")}', {"url"}),
        (CLAIMED, f'{JIT}, {SCIM.replace("TICKET", "ABSENT")}', {"token"}),
        (CLAIMED, f'mode = "notify", {HOOK.replace(SECRET, "")}', {"secrets"}),
        (CLAIMED, f"{JIT}, {REST_WITH_EMAIL}", {"fields.b"}),
        (CLAIMED, f"{JIT}, {REST.replace('account', 'active')}", {"fields"}),
        (CLAIMED, f"{JIT}, {REST.replace('https://a/', 'https://a/{account}')}", {"url"}),
        (CLAIMED, f"{JIT}, {CSV_NOWHERE}", {"folder"}),
        (OIDC, f"{JIT}, {SCIM}", {"deliver"}),
        (CLAIMED.replace("full_name", "acr").replace('"name"', '"acr"'), f"{JIT}, {REST}",
         {"deliver"}),
        (CLAIMED.replace('"name"', '"ten"'), f"{JIT}, {SCIM}", {"extension"}),
    ],
)  # fmt: skip
def test_a_mistake_in_how_a_system_is_told_is_told_at_its_key(
    toml: str, table: str, keys: set[str]
) -> None:
    systems, problems = read(f"{toml}provisioning = {{ {table} }}\n")
    assert systems == {}
    place = "systems.portal.provisioning"
    assert keys_of(problems) == {f"{place}.{key}" if key else place for key in keys}


def test_accounts_are_not_opened_for_people_who_would_have_to_be_asked_first() -> None:
    asked = CLAIMED + 'consent = "ask"\n'
    _, problems = read(f'{asked}provisioning = {{ {PRE}, eligible = ["staff"], {SCIM} }}\n')
    assert keys_of(problems) == {"systems.portal.consent"}


def test_what_is_declared_well_is_read() -> None:
    systems, problems = read(
        f'{CLAIMED}provisioning = {{ {PRE}, eligible = ["staff", "citizen"], {SCIM} }}\n'
    )
    assert problems == []
    (system,) = systems.values()
    assert isinstance(system.push, ScimPush)
    assert {kind.value for kind in system.eligible} == {"staff", "citizen"}
