"""What a system does not go without, and nobody knows of the person: told before any code."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from connectors.contract import ConsentRule, SubjectId, SystemId, WhenUnlinked
from connectors.links.sql import SqlLinks
from connectors.mapping import ClaimRule, Source
from idp.adapters import open_stores
from idp.app import open_service
from idp.model import ClientId, GrantType
from idp.store.grants import SqlGrants
from idp.store.sealed_columns import seal_attributes
from tests.fixtures_world import Fields, World, answer
from tests.tokens import claims_of

PORTAL = {"client_id": "portal", "redirect_uri": "https://portal.test/cb"}
TAX = ClaimRule(claim="tax", source=Source.TAX_CODE, required=True)
TAX_CODE = "8012345678"


@asynccontextmanager
async def requiring(
    world: World, *rules: ClaimRule, system: str = "portal", **changes: object
) -> AsyncIterator[None]:
    """The same provider after a system, or its client, was changed and the node restarted."""
    before, settings = world.app, world.settings
    registered = {n: changes.pop(n) for n in ("claims_in_id_token", "grant_types") if n in changes}
    changed = replace(settings.systems[SystemId(system)], claims=rules, **changes)  # type: ignore[arg-type]
    own = replace(settings.clients[ClientId("portal")], **registered)  # type: ignore[arg-type]
    settings = replace(
        settings,
        systems={**settings.systems, changed.system_id: changed},
        clients={**settings.clients, own.client_id: own},
    )
    async with open_service(settings, world.clock) as restarted:
        world.app = restarted
        yield
        world.app = before


async def becomes_known(world: World, **attributes: str) -> None:
    """The source learns something of alice."""
    account = world.alice.account
    known = replace(account.attributes, **attributes)  # type: ignore[arg-type]
    async with open_stores(world.settings, world.clock) as stores:
        sealed = seal_attributes(stores.sealer, account.subject, known)
        sql = "UPDATE subject SET attributes_sealed = $2 WHERE id = $1"
        assert await stores.database.change(sql, account.subject, sealed) == 1


async def links_of_alice(world: World, system: str) -> int:
    async with open_stores(world.settings, world.clock) as stores:
        links = SqlLinks(stores.database)
        return len(await links.history(world.alice.account.subject, SystemId(system)))


async def test_the_person_is_told_before_a_code_what_is_missing_and_what_to_do(
    world: World,
) -> None:
    """In the person's language, with a way back; and nothing is opened or asked for in vain."""
    browser = world.browser()
    async with requiring(world, TAX, consent=ConsentRule.ASK):
        page = await browser.sign_in(world.alice, await browser.authorize(**PORTAL))
        for said in ("Còn thiếu thông tin", "<li>Mã số thuế</li>", "Quý vị vui lòng bổ sung"):
            assert said in page.text
        english = await browser.http.get(f"{page.url}&lang=en")
        for said in ("information is missing", "<li>Tax code</li>", "contact support"):
            assert said in english.text
        assert "Nguyễn" not in page.text
        told = answer(await browser.submit(page, decision="continue"))
        assert (told["error"], told["state"]) == ("access_denied", "st-1")
        assert "code" not in told
    assert await links_of_alice(world, "portal") == 0


async def test_a_silent_request_is_told_that_a_page_is_needed(world: World) -> None:
    browser = world.browser()
    async with requiring(world, TAX):
        await browser.tokens(world.alice)
        told = answer(await browser.authorize(prompt="none", **PORTAL))
        assert told["error"] == "interaction_required"
        assert "code" not in told


async def test_once_the_source_knows_it_the_same_page_leads_on(world: World) -> None:
    browser = world.browser()
    async with requiring(world, TAX):
        page = await browser.sign_in(world.alice, await browser.authorize(**PORTAL))
        await becomes_known(world, tax_code=TAX_CODE)
        code = answer(await browser.http.get(str(page.url)))["code"]
        tokens = (await world.redeem(code, "portal", PORTAL["redirect_uri"])).json()
        assert (await world.userinfo(tokens["access_token"])).json()["tax"] == TAX_CODE


async def test_a_ticket_is_refused_with_the_same_page(world: World) -> None:
    """Before the old account is asked for."""
    browser = world.browser()
    async with requiring(world, TAX, system="onestop"):
        start = await browser.http.get("/ticket?system=onestop&state=s-1")
        page = await browser.sign_in(world.alice, start)
        assert "<li>Mã số thuế</li>" in page.text
        form = Fields((await browser.submit(page, decision="continue")).text)
        assert form.actions == ["https://onestop.test/ticket"]
        assert form.values == {"error": "access_denied", "state": "s-1"}


async def test_what_a_request_does_not_ask_for_is_not_missed(world: World) -> None:
    """Behind a scope that is not asked for, unless the claim is asked for by name."""
    browser = world.browser()
    named = json.dumps({"userinfo": {"tax": None}})
    profile = replace(TAX, scope="profile")
    async with requiring(world, profile, replace(TAX, claim="other", scope="vn_business")):
        await browser.tokens(world.alice)
        assert "code" in answer(await browser.authorize(scope="openid", **PORTAL))
        page = await browser.follow(await browser.authorize(scope="openid", claims=named, **PORTAL))
        assert "Mã số thuế" in page.text


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (WhenUnlinked.CREATE, None),
        (WhenUnlinked.NOT_NEEDED, "Tài khoản đã liên kết"),
        (WhenUnlinked.REFUSE, "chưa có tài khoản"),
    ],
)
async def test_an_account_that_a_sign_in_can_still_bring_is_not_missing(
    world: World, policy: WhenUnlinked, told: str | None
) -> None:
    browser = world.browser()
    rule = ClaimRule(claim="local_account", source=Source.LOCAL_ACCOUNT, required=True)
    async with requiring(world, rule, when_unlinked=policy):
        await browser.tokens(world.alice)
        response = await browser.authorize(**PORTAL)
        if told is None:
            assert "code" in answer(response)
        else:
            assert told in (await browser.follow(response)).text


async def test_nobody_is_read_for_a_system_that_requires_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign-on costs what it did: the person is read only where something is required."""
    read: list[str] = []
    person = SqlGrants.person

    async def noticed(grants: SqlGrants, subject: SubjectId) -> object:
        read.append(subject)
        return await person(grants, subject)

    monkeypatch.setattr(SqlGrants, "person", noticed)
    browser = world.browser()
    await browser.tokens(world.alice)
    await browser.tokens(**PORTAL)
    assert read == []
    async with requiring(world, replace(TAX, source=Source.FULL_NAME)):
        await browser.code(world.alice, **PORTAL)
    assert set(read) == {world.alice.account.subject}


async def test_a_refused_refresh_spends_nothing(world: World) -> None:
    """Once the source knows what is required, the same refresh token is still good."""
    grants = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})
    refreshing = {"claims_in_id_token": True, "grant_types": grants}
    async with requiring(world, **refreshing):
        tokens = await world.browser().tokens(world.alice, **PORTAL)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    async with requiring(world, TAX, **refreshing):
        told = await world.token("portal", **refresh)
        assert told.json()["error"] == "invalid_grant"
        await becomes_known(world, tax_code=TAX_CODE)
        again = await world.token("portal", **refresh)
        assert claims_of(again.json()["id_token"])["tax"] == TAX_CODE


async def test_a_claim_that_is_required_since_the_code_was_issued_is_a_refusal(
    world: World,
) -> None:
    """O1: not a fault, neither at userinfo nor where the claims go into the ID token."""
    browser = world.browser()
    await browser.tokens(world.alice)
    for in_id_token in (False, True):
        code = await browser.code(**PORTAL)
        async with requiring(world, TAX, claims_in_id_token=in_id_token):
            world.watcher.changes_allowed = in_id_token  # type: ignore[union-attr]  # the code is used up
            redeemed = await world.redeem(code, "portal")
            if in_id_token:
                assert redeemed.json()["error"] == "invalid_grant"
                continue
            told = await world.userinfo(redeemed.json()["access_token"])
            assert (told.status_code, told.json()["error"]) == (401, "invalid_token")
