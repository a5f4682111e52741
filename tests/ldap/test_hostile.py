"""Directories that lie, stall or are somebody else: a page, an audit record, and nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from connectors.ldap.messages import (
    BindRequest,
    BindResponse,
    ExtendedRequest,
    ExtendedResponse,
    Message,
    SearchReference,
    SearchRequest,
)
from connectors.ldap.results import SUCCESS, Result, ResultCode
from connectors.ldap.writing import write
from tests.certificates import certificate
from tests.fixtures_world import World, answer
from tests.ldap.directories import GROUP, PASSWORD, SERVICE, allowed_toml, source_toml
from tests.ldap.scripted import (
    ENTRY,
    NAME,
    Answered,
    Scripted,
    changed,
    done,
    refused,
    scripted_directory,
)
from tests.ldap.staff import audited_soon, by_directory
from tests.tokens import claims_of

BOUND = BindResponse(result=SUCCESS)


@pytest.fixture
async def ad(tmp_path: Path) -> AsyncIterator[Scripted]:
    certificate(tmp_path)
    async with scripted_directory(tmp_path) as made:
        yield made


@pytest.fixture
async def clear(tmp_path: Path, ad: Scripted) -> AsyncIterator[Scripted]:
    """Without TLS until it is asked for."""
    async with scripted_directory(tmp_path, tls=False) as made:
        yield made


@pytest.fixture
def more_config(ad: Scripted, clear: Scripted, tmp_path: Path) -> str:
    ca, preset = tmp_path / "ca.pem", "active-directory"
    tls = f"ldaps://localhost:{ad.port}"
    groups = f'groups = ["{GROUP}"]'
    return (
        allowed_toml(ad.port, clear.port)
        + allowed_toml(ad.port, host="127.0.0.1")
        + source_toml("ad", tls, ca, preset=preset)
        + source_toml("grouped", tls, ca, preset=preset, more=groups)
        + source_toml("starttls", f"ldap://localhost:{clear.port}", ca, preset=preset)
        + source_toml("tls-to-clear", f"ldaps://localhost:{clear.port}", ca, preset=preset)
        + source_toml("elsewhere", f"ldaps://127.0.0.1:{ad.port}", ca, preset=preset)
    )


async def signed_in(
    world: World, directory: str = "ad", username: str = "hoa.lt"
) -> dict[str, object]:
    came = await by_directory(world.browser(), directory, username)
    tokens = (await world.redeem(answer(came)["code"])).json()
    return dict(claims_of(tokens["id_token"]))


async def nobody_came_in(world: World, page: httpx.Response, status: int) -> None:
    assert page.status_code == status, page.text
    assert "__Host-lt_session" not in page.headers.get("set-cookie", "")
    (record,) = await audited_soon(world, "upstream_refused")
    assert record["client"] == "c1"
    written = repr(record) + page.text
    assert PASSWORD not in written
    assert NAME not in written


def binding_as_person(message: Message) -> bool:
    operation = message.operation
    return isinstance(operation, BindRequest) and operation.name != SERVICE


def instead(message: Message, kind: type, *answers: object) -> Answered | None:
    return answers if isinstance(message.operation, kind) else None  # type: ignore[return-value]


async def test_active_directory_signs_its_people_in(world: World, ad: Scripted) -> None:
    claims = await signed_in(world)
    assert claims["acr"] == "LoA1"
    assert [type(message.operation).__name__ for message in ad.seen] == [
        "BindRequest", "SearchRequest", "BindRequest", "UnbindRequest",
    ]  # fmt: skip


async def test_starttls_goes_before_every_word(world: World, clear: Scripted) -> None:
    assert (await signed_in(world, "starttls"))["sub"]
    assert isinstance(clear.seen[0].operation, ExtendedRequest)


async def test_a_person_whose_name_changed_is_the_same_and_a_new_holder_of_the_name_is_not(
    world: World, ad: Scripted
) -> None:
    before = await signed_in(world)
    ad.entry = changed("sAMAccountName", b"hoa.lt2")
    assert (await signed_in(world, username="hoa.lt2"))["sub"] == before["sub"]
    ad.entry = changed("objectGUID", b"\1" * 16)
    assert (await signed_in(world))["sub"] != before["sub"]


@pytest.mark.parametrize(
    ("sub_code", "reason"),
    [
        ("533", "directory_closed"),
        ("701", "directory_closed"),
        ("530", "directory_closed"),
        ("532", "directory_password"),
        ("773", "directory_password"),
    ],
)
async def test_what_is_wrong_with_an_account_is_told_to_whom_knows_its_password(
    world: World, ad: Scripted, sub_code: str, reason: str
) -> None:
    ad.script = lambda message: [refused(sub_code)] if binding_as_person(message) else None
    page = await by_directory(world.browser(), "ad")
    await nobody_came_in(world, page, 403)
    assert (await audited_soon(world, "upstream_refused"))[0]["reason"] == reason


@pytest.mark.parametrize("sub_code", ["52e", "525", "775"])
async def test_a_locked_or_unknown_name_looks_like_a_mistyped_password(
    world: World, ad: Scripted, sub_code: str
) -> None:
    ad.script = lambda message: [refused(sub_code)] if binding_as_person(message) else None
    page = await by_directory(world.browser(), "ad")
    assert (page.status_code, page.text.count('role="alert"')) == (200, 1)


async def test_a_disabled_account_does_not_come_in_by_a_password_that_still_binds(
    world: World, ad: Scripted
) -> None:
    ad.entry = changed("userAccountControl", b"514")
    await nobody_came_in(world, await by_directory(world.browser(), "ad"), 403)


async def test_groups_in_groups_are_followed_by_active_directory(
    world: World, ad: Scripted
) -> None:
    assert (await signed_in(world, "grouped"))["sub"]
    ad.in_group = False
    await nobody_came_in(world, await by_directory(world.browser(), "grouped"), 403)


async def test_a_name_that_only_the_directory_takes_for_equal_is_unknown(
    world: World, ad: Scripted
) -> None:
    ad.script = lambda message: instead(message, SearchRequest, ENTRY, done())
    page = await by_directory(world.browser(), "ad", "hóa.lt")
    assert (page.status_code, page.text.count('role="alert"')) == (200, 1)
    assert NAME not in {m.operation.name for m in ad.seen if isinstance(m.operation, BindRequest)}


HOSTILE = {
    "twice": ([BOUND, BOUND], 400),
    "nonsense": ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], 400),
    "another message id": ([Message(number=8, operation=BOUND)], 400),
    "another kind": ([ExtendedResponse(result=SUCCESS)], 400),
    "a question back": ([BindRequest(name="", password=b"")], 400),
    "two gigabytes": ([b"\x30\x84\x7f\xff\xff\xff"], 400),
    "no end": ([b"\x30\x80\2\1\1"], 400),
    "a bind that fails": ([refused("52e")], 503),
    "busy": ([BindResponse(result=Result(code=ResultCode.BUSY))], 503),
    "a code that nobody knows": ([b"\x30\x0d\2\1\1\x61\x08\x0a\2\x10\0\4\0\4\0"], 400),
    "goes away": ([Message(number=0, operation=ExtendedResponse(result=SUCCESS))], 503),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_directory_that_answers_nonsense_gives_a_page_and_a_record(
    world: World, ad: Scripted, case: str
) -> None:
    answers, status = HOSTILE[case]
    ad.script = lambda message: instead(message, BindRequest, *answers)
    await nobody_came_in(world, await by_directory(world.browser(), "ad"), status)


async def test_entries_without_an_end_are_not_read_to_one(world: World, ad: Scripted) -> None:
    ad.script = lambda message: instead(message, SearchRequest, *[ENTRY] * 1000)
    await nobody_came_in(world, await by_directory(world.browser(), "ad"), 400)


async def test_a_directory_that_stalls_is_not_waited_for(
    world: World, ad: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.authn.directory_client.SECONDS", 0.2)
    ad.script = lambda message: instead(message, SearchRequest)
    await nobody_came_in(world, await by_directory(world.browser(), "ad"), 503)


async def test_a_directory_that_lets_nobody_in_by_any_password_lets_nobody_in_here(
    world: World, ad: Scripted
) -> None:
    def script(message: Message) -> Answered | None:
        if isinstance(message.operation, SearchRequest):
            return [done()]
        return [BOUND] if isinstance(message.operation, BindRequest) else None

    ad.script = script
    page = await by_directory(world.browser(), "ad")
    assert (page.status_code, page.text.count('role="alert"')) == (200, 1)


@pytest.mark.parametrize("name", ["*)(uid=*", "*", "hoa*", "hoa.lt)(objectClass=*", r"hoa.lt\2a"])
async def test_p16_a_filter_in_the_name_is_a_name(world: World, ad: Scripted, name: str) -> None:
    page = await by_directory(world.browser(), "ad", name)
    assert page.text.count('role="alert"') == 1
    (search,) = [m.operation for m in ad.seen if isinstance(m.operation, SearchRequest)]
    assert search.filter.terms[1].value == name.lower().encode()  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["hoa.lt\0", "hoa.lt\0)(uid=*", r"hoa.lt\00"])
async def test_p16_a_nul_ends_no_name(world: World, ad: Scripted, name: str) -> None:
    page = await by_directory(world.browser(), "ad", name)
    assert page.status_code == (400 if "\0" in name else 200)  # no form of ours sends a NUL
    assert NAME not in {m.operation.name for m in ad.seen if isinstance(m.operation, BindRequest)}


async def test_p16_an_empty_password_never_reaches_the_wire(world: World, ad: Scripted) -> None:
    page = await by_directory(world.browser(), "ad", password="")
    assert page.text.count('role="alert"') == 1
    assert (ad.connections, ad.seen) == (0, [])


@pytest.mark.parametrize("where", ["bind", "search", "person"])
async def test_p16_a_referral_is_followed_nowhere(
    world: World, ad: Scripted, clear: Scripted, where: str
) -> None:
    away = (f"ldap://localhost:{clear.port}/",)
    referred = Result(code=ResultCode.REFERRAL, referrals=away)

    def script(message: Message) -> Answered | None:
        if where == "search" and isinstance(message.operation, SearchRequest):
            return [SearchReference(addresses=away), done(ResultCode.REFERRAL)]
        person = binding_as_person(message)
        if isinstance(message.operation, BindRequest) and (
            where == "bind" or (where == "person" and person)
        ):
            return [BindResponse(result=referred)]
        return None

    ad.script = script
    await nobody_came_in(
        world, await by_directory(world.browser(), "ad"), 503 if where == "search" else 400
    )
    assert clear.connections == 0


@pytest.mark.parametrize("case", ["refused", "answered in the clear", "injected", "another kind"])
async def test_p16_without_starttls_nothing_is_said(
    world: World, clear: Scripted, case: str
) -> None:
    ready = ExtendedResponse(result=SUCCESS)
    answers: Answered = {
        "refused": [ExtendedResponse(result=Result(code=ResultCode.PROTOCOL_ERROR))],
        "answered in the clear": [ready],
        "injected": [ready, Message(number=1, operation=BOUND)],
        "another kind": [BOUND],
    }[case]  # type: ignore[assignment]
    clear.script = lambda message: instead(message, ExtendedRequest, *answers)
    page = await by_directory(world.browser(), "starttls")
    await nobody_came_in(world, page, 503 if case == "answered in the clear" else 400)
    assert [type(m.operation) for m in clear.seen] == [ExtendedRequest]


async def test_p16_tls_is_not_given_up_where_the_other_side_has_none(
    world: World, clear: Scripted
) -> None:
    page = await by_directory(world.browser(), "tls-to-clear")
    assert page.status_code in (400, 503)
    assert clear.seen == []


async def test_p16_the_certificate_of_another_host_is_refused(
    world: World, ad: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    await nobody_came_in(world, await by_directory(world.browser(), "elsewhere"), 400)
    assert "upstream: certificate" in caplog.text
    assert ad.seen == []


def test_what_a_script_writes_is_what_the_wire_reads() -> None:
    assert write(Message(number=1, operation=BOUND)) == bytes.fromhex(
        "300c02010161070a010004000400"
    )
