"""Group F of the adversarial cases: logout."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from idp.adapters import key_store, open_stores, rotation_policy
from idp.egress.client import HttpEgress, client_over
from idp.egress.ranges import Number
from idp.egress.rules import EgressRules
from idp.egress.transport import EgressTransport, Limits
from idp.flows.deliver import NoticeDelivery
from idp.flows.notices import OidcNotices, TicketNotices, by_participant
from idp.store.session_ends import SqlSessionEnds
from keys.keyring import KeyRing
from tests.fixtures_world import ISSUER, Browser, Fields, World
from tests.tokens import claims_of, header_of


async def logout(browser: Browser, **query: str) -> httpx.Response:
    return await browser.http.get("/logout", params=query)


async def signed_in(world: World, browser: Browser) -> bool:
    response = await browser.authorize(prompt="none")
    return "code=" in response.headers["location"]


async def test_the_clients_own_token_ends_the_session_at_once(world: World) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    response = await logout(
        browser,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri="https://rp1.test/bye",
        state="s 1",
    )
    assert response.headers["location"] == "https://rp1.test/bye?state=s+1"
    assert not await signed_in(world, browser)
    assert (await world.userinfo(tokens["access_token"])).status_code == 401


async def test_an_expired_token_of_ours_still_names_the_session(world: World) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    world.clock.now += 1800
    response = await logout(
        browser,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri="https://rp1.test/bye",
    )
    assert response.headers["location"] == "https://rp1.test/bye"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/bye", "https://rp1.test/bye?x=1", "https://rp1.test/bye/../x",
        "https://u@rp1.test/bye", "https://rp2.test/bye", "https://rp1.test/cb",
        "https://rp1.test.evil.test/bye", "//evil.test", "javascript:alert(1)",
    ],
    ids=[
        "F01-unregistered", "F01-query", "F01-path", "F01-userinfo", "F01-other-client",
        "login-address", "subdomain", "no-scheme", "javascript",
    ],
)  # fmt: skip
async def test_an_unregistered_address_never_redirects(world: World, address: str) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    for query in (
        {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": address},
        {"client_id": "c1", "post_logout_redirect_uri": address},
        {"post_logout_redirect_uri": address},
    ):
        response = await logout(browser, **query)
        assert response.status_code == 400
        assert "location" not in response.headers
    assert await signed_in(world, browser)


async def test_a_token_that_is_not_ours_only_asks(world: World) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    head, payload, signature = tokens["id_token"].split(".")
    none = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    async with open_stores(world.settings, world.clock) as stores:
        ring = await KeyRing.load(
            key_store(world.settings, stores.database), stores.sealer,
            rotation_policy(world.settings), int(world.clock.now),
        )  # fmt: skip
        elsewhere = claims_of(tokens["id_token"]) | {"iss": "https://other.test"}
        genuine = claims_of(tokens["id_token"])
        other_alg = ring.signer("RS256").sign("JWT", json.dumps(genuine).encode())
        other_sub = genuine | {"sub": "somebody-else"}
        other_person = ring.signer("ES256").sign("JWT", json.dumps(other_sub).encode())
        other_issuer = ring.signer("ES256").sign("JWT", json.dumps(elsewhere).encode())
    response = await logout(browser, id_token_hint=other_person)
    assert 'name="confirmation"' in response.text, "the sub must fit too"
    hints = {
        "none": f"{none}.{payload}.",
        "edited": f"{head}.{payload[:-2]}AA.{signature}",
        "unsigned": f"{head}.{payload}.",
        "other issuer": other_issuer,
        "another algorithm of ours": other_alg,
        "encrypted": ".".join(["eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ", *["AAAA"] * 4]),
        "another type of ours": tokens["access_token"],
        "garbage": "garbage",
    }
    for kind, hint in hints.items():
        response = await logout(
            browser, id_token_hint=hint, post_logout_redirect_uri="https://rp1.test/bye"
        )
        assert response.status_code == 200, kind
        assert "location" not in response.headers, kind
        assert "rp1.test" not in response.text, kind
        assert await signed_in(world, browser), kind


async def test_another_persons_token_does_not_end_my_session(world: World) -> None:
    mine, theirs = world.browser(), world.browser("203.0.113.8")
    await mine.tokens(world.alice)
    bobs = await theirs.tokens(world.bob)
    response = await logout(mine, id_token_hint=bobs["id_token"])
    assert response.status_code == 200
    assert await signed_in(world, mine)
    page = await mine.submit(response, decision="continue")
    assert page.status_code == 200
    assert not await signed_in(world, mine)
    assert await signed_in(world, theirs)


async def test_a_confirmation_is_bound_to_its_session(world: World) -> None:
    mine, theirs = world.browser(), world.browser("203.0.113.8")
    await mine.tokens(world.alice)
    await theirs.tokens(world.bob)
    page = await logout(theirs)
    stolen = Fields(page.text).values["confirmation"]
    response = await mine.http.post("/logout", data={"confirmation": stolen})
    assert response.status_code == 403
    assert await signed_in(world, mine)


@pytest.mark.parametrize(
    "sent", [{"state": "\u20ab" * 2048}, {"ui_locales": "vi " * 6000}, {"state": "s" * 2048}]
)
async def test_whatever_was_sent_along_the_confirmation_signs_out(
    world: World, sent: dict[str, str]
) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    wanted = {"client_id": "c1", "post_logout_redirect_uri": "https://rp1.test/bye"} | sent
    page = await browser.http.post("/logout", data=wanted)
    done = await browser.submit(page, decision="continue")
    assert done.status_code == 303
    assert ("state=sss" in done.headers["location"]) == ("sss" in sent.get("state", ""))
    assert not await signed_in(world, browser)


async def test_logging_out_twice_is_no_error(world: World) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    for _ in range(2):
        response = await logout(
            browser,
            id_token_hint=tokens["id_token"],
            post_logout_redirect_uri="https://rp1.test/bye",
        )
        assert response.status_code == 303
    assert (await logout(world.browser())).status_code == 200


async def test_an_old_cookie_is_dead_after_logout(world: World) -> None:
    browser, thief = world.browser(), world.browser()
    tokens = await browser.tokens(world.alice)
    cookie = browser.http.cookies["__Host-lt-session"]
    await logout(browser, id_token_hint=tokens["id_token"])
    thief.http.cookies.set("__Host-lt-session", cookie)
    assert not await signed_in(world, thief)
    home = await thief.http.get("/")
    assert world.alice.account.attributes.full_name not in home.text


async def test_the_token_of_an_earlier_session_does_not_end_a_later_one(world: World) -> None:
    browser = world.browser()
    earlier = await browser.tokens(world.alice)
    await logout(browser, id_token_hint=earlier["id_token"])
    await browser.tokens(world.alice)
    response = await logout(browser, id_token_hint=earlier["id_token"])
    assert response.status_code == 200
    assert 'name="confirmation"' in response.text
    assert await signed_in(world, browser)


async def test_a_client_id_that_differs_from_the_token_is_refused(world: World) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    for client_id in ("c2", "nobody"):
        response = await logout(browser, id_token_hint=tokens["id_token"], client_id=client_id)
        assert response.status_code == 400
    assert await signed_in(world, browser)


class Recorder:
    """Takes what would leave; answers what the test wants."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.sent: list[tuple[str, dict[str, str]]] = []

    async def post_form(self, url: str, fields: Any) -> int | None:
        self.sent.append((url, dict(fields)))
        return self.status


class Silent:
    def record(self, event: str, fields: Any) -> None:
        from idp.audit.events import check_event

        check_event(event, fields)


async def delivery(world: World, egress: Recorder, stack: Any) -> NoticeDelivery:
    stores = await stack.enter_async_context(open_stores(world.settings, world.clock))
    keyring = await KeyRing.load(
        key_store(world.settings, stores.database),
        stores.sealer,
        rotation_policy(world.settings),
        int(world.clock.now),
    )
    clients, systems = world.settings.clients, world.settings.systems
    return NoticeDelivery(
        ends=SqlSessionEnds(stores.database),
        writers=by_participant(
            (
                OidcNotices(issuer=ISSUER, clients=clients, keyring=keyring),
                TicketNotices(issuer=ISSUER, systems=systems),
            )
        ),
        egress=egress,
        audit=Silent(),
        clock=world.clock,
    )


async def test_each_participant_is_told_until_it_has_heard(world: World) -> None:
    """F05: retries are stored, survive a restart, and every token is signed afresh."""
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    other = await browser.tokens(client_id="portal", redirect_uri="https://portal.test/cb")
    assert other["access_token"]
    async with open_stores(world.settings, world.clock) as stores:
        row = await stores.database.one("SELECT sid, subject_id FROM family LIMIT 1")
        assert row is not None
        world_ends = SqlSessionEnds(stores.database)
        from connectors.contract import SessionId, SubjectId

        sid, subject = SessionId(str(row["sid"])), SubjectId(str(row["subject_id"]))
        named = frozenset({"c1", "portal"})
        notices = await world_ends.end(sid, subject, int(world.clock.now), named)
        again = await world_ends.end(sid, subject, int(world.clock.now), named)
    assert {n.participant for n in notices} == named
    assert {n.notice_id for n in again} == {n.notice_id for n in notices}
    assert (await world.userinfo(tokens["access_token"])).status_code == 401

    async with AsyncExitStack() as stack:
        down = Recorder(None)
        first = await delivery(world, down, stack)
        assert await first.deliver_due()
        assert not await first.deliver_due(), "a failed notice waits for its time"
    async with AsyncExitStack() as stack:
        up = Recorder(200)
        restarted = await delivery(world, up, stack)
        world.clock.now += 60
        assert await restarted.deliver_due()
        assert not await restarted.deliver_due()
    assert {url for url, _ in up.sent} == {
        "https://rp1.test/backchannel",
        "https://portal.test/backchannel",
    }
    for _, fields in up.sent:
        token = fields["logout_token"]
        claims = claims_of(token)
        assert header_of(token)["typ"] == "logout+jwt"
        assert "http://schemas.openid.net/event/backchannel-logout" in claims["events"]
        assert claims["jti"]
        assert "nonce" not in claims
        assert claims["exp"] - claims["iat"] <= 120


async def test_a_notice_that_nobody_takes_becomes_a_dead_letter(world: World) -> None:
    from connectors.contract import PairwiseSub, SessionId

    subject = world.alice.account.subject
    async with open_stores(world.settings, world.clock) as stores:
        ends = SqlSessionEnds(stores.database)
        now = int(world.clock.now)
        for participant in ("system:onestop", "system:gone", "gone"):
            assert await ends.join(SessionId("s1"), subject, participant, PairwiseSub("p"), now)
        named = frozenset({"system:onestop", "system:gone", "gone"})
        await ends.end(SessionId("s1"), subject, now, named)
        assert not await ends.join(SessionId("s1"), subject, "late", PairwiseSub("p"), now)
    async with AsyncExitStack() as stack:
        egress = Recorder(500)
        worker = await delivery(world, egress, stack)
        for _ in range(12):
            await worker.deliver_due()
            world.clock.now += 86400
        assert not await worker.deliver_due()
    assert len(egress.sent) == 8, "only the system that exists is tried, eight times"
    assert {url for url, _ in egress.sent} == {"https://onestop.test/bye"}
    async with open_stores(world.settings, world.clock) as stores:
        rows = await stores.database.rows("SELECT dead_at FROM notice")
        assert all(row["dead_at"] for row in rows)
    assert all(set(fields) == {"ticket"} for _, fields in egress.sent)


class _Endless(httpx.AsyncByteStream):
    """An answer that goes on for ten megabytes, and tells how much of it was read."""

    def __init__(self) -> None:
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(160):
            self.read += 65536
            yield b"x" * 65536


@pytest.mark.parametrize("kind", ["F05-hangs", "F05-500", "F05-redirect", "F05-10-MB"])
async def test_a_participant_that_misbehaves_delays_nobody_and_is_told_again(
    world: World, kind: str
) -> None:
    """F05: the person's logout has answered long before; the notice stays, and is due again."""
    asked: list[str] = []
    body, hanging = _Endless(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"https://{request.headers['host']}{request.url.path}")
        if kind == "F05-hangs":
            await asyncio.wait_for(hanging.wait(), 0.01)
        if kind == "F05-500":
            return httpx.Response(500)
        if kind == "F05-redirect":
            return httpx.Response(302, headers={"location": "http://169.254.169.254/"})
        return httpx.Response(200, stream=body)

    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    async with AsyncExitStack() as stack:
        client = client_over(EgressTransport(_Timing(answer), EgressRules(), _public))
        await stack.enter_async_context(client)
        worker = await delivery(world, HttpEgress(client), stack)
        ended = await _end_without_a_worker(world, tokens["id_token"])
        assert ended == 1
        assert await worker.deliver_due()
        assert asked == ["https://rp1.test/backchannel"], "no redirect is followed"
        assert body.read <= Limits().answer_bytes + 65536
        assert not await worker.deliver_due(), "it waits"
        world.clock.now += 30
        assert await worker.deliver_due(), "and is due again"
    assert not await signed_in(world, browser)


async def _public(_host: str) -> list[Number]:
    return [ip_address("1.1.1.1")]


class _Timing(httpx.AsyncBaseTransport):
    """Hangs as a server does: what the client sees is its own time limit."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response: httpx.Response = await self._answer(request)
        except TimeoutError:
            raise httpx.ReadTimeout("hangs", request=request) from None
        return response


async def _end_without_a_worker(world: World, id_token: str) -> int:
    """End the session in the store alone, so that only the test delivers its notices."""
    from connectors.contract import SessionId, SubjectId

    sid = claims_of(id_token)["sid"]
    async with open_stores(world.settings, world.clock) as stores:
        ends = SqlSessionEnds(stores.database)
        row = await stores.database.one("SELECT subject_id FROM family WHERE sid = $1", sid)
        assert row is not None
        subject = SubjectId(str(row["subject_id"]))
        now = int(world.clock.now)
        notices = await ends.end(SessionId(sid), subject, now, frozenset({"c1"}))
    return len(notices)
