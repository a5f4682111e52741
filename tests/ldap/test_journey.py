"""Staff sign in with the password of their directory: the whole provider above a real OpenLDAP."""

import re

import pytest

from tests.fixtures_world import World, answer
from tests.ldap.directories import PASSWORD, Slapd
from tests.ldap.staff import audited_soon, by_directory, page_of
from tests.tokens import claims_of

SCOPES = "openid profile email phone"


async def claims(world: World, code: str) -> dict[str, object]:
    tokens = (await world.redeem(code)).json()
    told = dict((await world.userinfo(tokens["access_token"])).json())
    return {**told, **{name: claims_of(tokens["id_token"])[name] for name in ("acr", "amr")}}


async def test_staff_sign_in_with_the_password_of_the_directory(world: World) -> None:
    came = await by_directory(world.browser(), "staff", scope=SCOPES)
    told = await claims(world, answer(came)["code"])
    assert told["name"] == "Lê Thị Hoa"
    assert told["email"] == "hoa.lt@tinh.vn"
    assert told["phone_number"] == "+84912345678"
    assert (told["acr"], told["amr"]) == ("LoA1", ["pwd"])
    assert (await audited_soon(world, "upstream_signed_in"))[0]["source"] == "staff"


async def test_the_same_person_has_one_sub_by_any_spelling_of_the_name(world: World) -> None:
    subs = []
    for name in ("hoa.lt", " HOA.LT "):
        came = await by_directory(world.browser(), "staff", name)
        subs.append((await claims(world, answer(came)["code"]))["sub"])
    assert subs[0] == subs[1]


async def test_the_same_entry_by_another_table_is_another_person(world: World) -> None:
    subs = []
    for directory in ("staff", "grouped"):
        came = await by_directory(world.browser(), directory)
        subs.append((await claims(world, answer(came)["code"]))["sub"])
    assert subs[0] != subs[1]


async def test_a_name_with_a_comma_is_bound_as_the_entry_that_was_found(world: World) -> None:
    came = await by_directory(world.browser(), "staff", "binh.t")
    assert (await claims(world, answer(came)["code"]))["name"] == "Trần, Bình"


async def test_unknown_and_mistyped_get_the_same_page_and_the_same_record(world: World) -> None:
    pages = []
    for name, password in (("hoa.lt", "sai"), ("khong.co", PASSWORD)):
        page = await by_directory(world.browser(), "staff", name, password)
        pages.append((page.status_code, page.text.count('role="alert"')))
    assert pages[0] == pages[1] == (200, 1)
    found = await audited_soon(world, "sign_in_rejected")
    assert {str(record["reason"]) for record in found} == {"wrong_credentials"}


async def test_a_name_that_two_entries_have_is_refused(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    page = await by_directory(world.browser(), "staff", "twin")
    assert page.status_code == 400
    assert "upstream: ambiguous" in caplog.text
    (record,) = await audited_soon(world, "upstream_refused")
    assert (record["reason"], record["client"]) == ("upstream_refused", "c1")


async def test_only_members_of_the_group_come_in(world: World) -> None:
    assert answer(await by_directory(world.browser(), "grouped"))["code"]
    page = await by_directory(world.browser(), "grouped", "binh.t")
    assert page.status_code == 403
    (record,) = await audited_soon(world, "upstream_refused")
    assert record["reason"] == "directory_not_admitted"


async def test_starttls_leads_to_the_systems_that_the_table_names_and_to_no_other(
    world: World,
) -> None:
    page = await world.browser().follow(await world.browser().authorize())
    assert "/upstream/starttls/" not in page.text
    came = await by_directory(
        world.browser(), "starttls", client_id="portal", redirect_uri="https://portal.test/cb"
    )
    assert answer(came)["code"]


async def test_a_directory_is_not_offered_where_a_higher_level_is_asked_for(world: World) -> None:
    browser = world.browser()
    page = await browser.follow(
        await browser.authorize(client_id="high", redirect_uri="https://high.test/cb")
    )
    assert "/upstream/staff/" not in page.text


async def test_guesses_at_a_directory_and_at_our_accounts_share_one_count(world: World) -> None:
    browser = world.browser()
    for spelling in ("hoa.lt", "HOA.LT", "Hoa.Lt"):
        await by_directory(browser, "staff", spelling, "sai")
    for _ in range(2):
        local = await browser.follow(await browser.authorize())
        local = await browser.submit(local, username="ｈｏａ.lt", password="sai")
    page = await by_directory(browser, "staff", "hoa.lt")
    assert page.status_code == 429
    assert int(page.headers["retry-after"]) > 0


async def test_a_directory_that_is_gone_gives_a_page_and_is_told_as_down_after_three(
    world: World, slapd: Slapd
) -> None:
    browser = world.browser()
    directory = world.settings.directories
    assert set(directory) == {"staff", "starttls", "grouped", "elsewhere"}
    slapd.stop()
    try:
        for _ in range(3):
            page = await by_directory(browser, "staff")
            assert page.status_code == 503
        offered = await browser.follow(await browser.authorize())
        assert "/upstream/staff/start" not in offered.text
        assert "/upstream/grouped/start" in offered.text
    finally:
        slapd.start()


@pytest.mark.parametrize("field", ["username", "password"])
async def test_a_form_without_a_field_is_a_wrong_one(world: World, field: str) -> None:
    browser = world.browser()
    page = await page_of(browser, "staff")
    sent = {"username": "hoa.lt", "password": PASSWORD} | {field: ""}
    assert (await browser.submit(page, **sent)).text.count('role="alert"') == 1


async def test_a_form_of_another_browser_is_refused(world: World) -> None:
    browser = world.browser()
    page = await page_of(browser, "staff")
    answered = await browser.http.post(
        "/upstream/staff/sign-in",
        data={
            "flow": page.text.split('name="flow" value="')[1].split('"')[0],
            "csrf": "x",
            "username": "hoa.lt",
            "password": PASSWORD,
        },
    )
    assert answered.status_code == 403


async def test_the_page_is_there_in_both_languages_and_stays_in_the_one_chosen(
    world: World,
) -> None:
    browser = world.browser()
    page = await page_of(browser, "staff")
    english = re.search(r'href="(/upstream/staff/start[^"]+lang=en)"', page.text)
    assert english, page.text
    page = await browser.http.get(english[1].replace("&amp;", "&"))
    assert "Sign in with Directory staff" in page.text
    wrong = await browser.submit(page, username="hoa.lt", password="sai")
    assert "Sign in with Directory staff" in wrong.text
    assert answer(await browser.submit(wrong, username="hoa.lt", password=PASSWORD))["code"]
