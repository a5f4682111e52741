"""Old passwords are proved by the old system, or by an extract of its table."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from connectors.contract import AccountId, CannotCheck, NotProven, ProofOutcome, Proven
from connectors.verifiers.http import MAX_ANSWER, HttpVerifier
from connectors.verifiers.password_file import PasswordFileVerifier

URL = "http://onestop.test/verify"


async def ask(answer: Callable[[httpx.Request], httpx.Response]) -> ProofOutcome:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        return await HttpVerifier(client, URL, "shared").prove("tuyet85", "old-password")


async def test_the_system_is_asked_by_post_with_its_secret_and_nothing_in_the_address() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"account": "TUYET85"})

    assert await ask(answer) == Proven(AccountId("TUYET85"))
    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["authorization"] == "Bearer shared"
    assert request.read() in (
        b'{"account":"tuyet85","password":"old-password"}',
        b'{"account": "tuyet85", "password": "old-password"}',
    )


async def test_403_is_a_wrong_password() -> None:
    assert await ask(lambda _: httpx.Response(403)) == NotProven()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(401),
        httpx.Response(302, headers={"location": "http://elsewhere.test/"}),
        httpx.Response(200, text="not JSON"),
        httpx.Response(200, json=["TUYET85"]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"account": ""}),
        httpx.Response(200, json={"account": 7}),
        httpx.Response(200, json={"account": "x" * 257}),
        httpx.Response(200, json={"account": "a\0b"}),
        httpx.Response(200, json={"account": " a"}),
        httpx.Response(200, json={"account": "a\u0323"}),
        httpx.Response(200, content=b'{"account": "\\ud800"}'),
        httpx.Response(200, json={"account": "x", "pad": "y" * MAX_ANSWER}),
        httpx.Response(200, text="[" * 60_000),
    ],
)
async def test_any_other_answer_proves_nothing_either_way(answer: httpx.Response) -> None:
    assert isinstance(await ask(lambda _: answer), CannotCheck)


async def test_a_silent_system_is_not_a_wrong_password() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("silent", request=request)

    assert await ask(silent) == CannotCheck("ReadTimeout")


async def test_an_endless_answer_is_cut_off_at_the_cap() -> None:
    sent = 0

    async def endless() -> object:  # type: ignore[misc]
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 16384

    outcome = await ask(lambda _: httpx.Response(200, content=endless()))  # type: ignore[arg-type]
    assert isinstance(outcome, CannotCheck)
    assert sent <= MAX_ANSWER // 16384 + 2


def extract(folder: Path, *rows: str) -> PasswordFileVerifier:
    path = folder / "old.csv"
    path.write_text("\n".join(["account,scheme,salt,digest", *rows]) + "\n", "utf-8-sig")
    return PasswordFileVerifier(path)


def row(account: str, scheme: str) -> str:
    digest = hashlib.new(scheme, "s4ltcũ-2009".encode()).hexdigest()
    return f"{account},{scheme},s4lt,{digest}"


@pytest.mark.parametrize("scheme", ["md5", "sha1", "sha256"])
async def test_each_old_scheme_proves_the_right_password_only(tmp_path: Path, scheme: str) -> None:
    verifier = extract(tmp_path, row("tuyet85", scheme))
    assert await verifier.prove("tuyet85", "cũ-2009") == Proven(AccountId("tuyet85"))
    assert await verifier.prove("tuyet85", "khác") == NotProven()
    assert await verifier.prove("khanh77", "cũ-2009") == NotProven()


async def test_a_digest_in_capitals_is_the_same_digest(tmp_path: Path) -> None:
    name, scheme, salt, digest = row("a", "sha1").split(",")
    verifier = extract(tmp_path, f"{name},{scheme},{salt},{digest.upper()}")
    assert await verifier.prove("a", "cũ-2009") == Proven(AccountId("a"))


@pytest.mark.parametrize("line", ["a,plain,,cũ-2009", "a,,,", "a,sha1", "a,sha1,s,"])
async def test_a_plain_or_broken_row_proves_nobody(tmp_path: Path, line: str) -> None:
    verifier = extract(tmp_path, line)
    assert await verifier.prove("a", "cũ-2009") == NotProven()
    assert await verifier.prove("a", "") == NotProven()


async def test_an_unknown_account_has_no_password_at_all(tmp_path: Path) -> None:
    assert await extract(tmp_path).prove("", "") == NotProven()


async def test_a_name_is_found_in_either_composition(tmp_path: Path) -> None:
    decomposed, composed = "ngo\u0323c", "ng\u1ecdc"
    verifier = extract(tmp_path, row(decomposed, "sha256"))
    for typed in (decomposed, composed, f" {composed} "):
        assert await verifier.prove(typed, "cũ-2009") == Proven(AccountId(composed))


async def test_a_renewed_extract_counts_at_once(tmp_path: Path) -> None:
    verifier = extract(tmp_path)
    extract(tmp_path, row("new", "sha256"))
    assert await verifier.prove("new", "cũ-2009") == Proven(AccountId("new"))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"wrong,header\n1,2\n"])
async def test_an_unreadable_extract_is_not_a_wrong_password(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "x.csv"
    if content is not None:
        path.write_bytes(content)
    assert await PasswordFileVerifier(path).prove("a", "b") == CannotCheck("extract unreadable")
