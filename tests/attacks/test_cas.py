"""Group K of the adversarial cases: CAS, and what every other answer of it must hold."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest

from connectors.contract import PersonAttributes
from idp.adapters import open_stores
from idp.app import open_service
from idp.egress.client import client_over, outgoing_client
from idp.egress.ranges import Number
from idp.egress.rules import AllowedHost, EgressRules
from idp.egress.transport import EgressTransport
from idp.store.sealed_columns import seal_attributes
from tests.attacks.oracle import Egress
from tests.certificates import certificate
from tests.fixtures_world import Browser, Fields, World, query_of

LAND, MAPS, SAFE = "https://app.test/land/", "https://maps.test/", "https://safe.test/"
CALLBACK = "https://app.test/pgt"
CAS = "{http://www.yale.edu/tp/cas}"
XML_PATHS = (
    "/cas/serviceValidate", "/cas/proxyValidate", "/cas/p3/serviceValidate", "/cas/p3/proxyValidate",
)  # fmt: skip


async def login(browser: Browser, service: str = LAND, **more: str) -> httpx.Response:
    return await browser.http.get("/cas/login", params={"service": service} | more)


def ticket_in(response: httpx.Response) -> str:
    assert response.status_code == 303, response.text[:300]
    (ticket,) = parse_qs(urlsplit(response.headers["location"]).query)["ticket"]
    return ticket


async def signed_in(world: World) -> Browser:
    browser = world.browser()
    response = await browser.sign_in(world.alice, await login(browser))
    ticket_in(response)
    return browser


async def ticket_for(browser: Browser, service: str = LAND) -> str:
    return ticket_in(await login(browser, service))


async def validate(
    world: World,
    ticket: str,
    service: str = LAND,
    path: str = "/cas/p3/serviceValidate",
    **more: str,
) -> ET.Element:
    query = {"ticket": ticket, "service": service} | more
    response = await world.http.get(path, params=query)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/xml; charset=utf-8"
    return ET.fromstring(response.content)


def code_of(document: ET.Element) -> str | None:
    """The code of a failure; None for anything that a client could take for a success."""
    (child,) = document
    return child.get("code") if child.tag.endswith("Failure") else None


def user_of(document: ET.Element) -> str:
    return document.findtext(f"{CAS}authenticationSuccess/{CAS}user") or ""


def attribute(document: ET.Element, name: str) -> str | None:
    return document.findtext(f"{CAS}authenticationSuccess/{CAS}attributes/{CAS}{name}")


# --- the way that it should go -----------------------------------------------------------------


async def test_one_login_enters_every_service_each_with_its_own_account(world: World) -> None:
    browser = await signed_in(world)
    land = await validate(world, await ticket_for(browser))
    assert user_of(land).startswith("dd-")
    assert attribute(land, "name") == world.alice.account.attributes.full_name
    assert attribute(land, "acr") == "LoA2"
    maps = await validate(world, await ticket_for(browser, MAPS), MAPS)
    assert len(user_of(maps)) == 32, "a system without accounts knows people by their pairwise sub"
    assert user_of(maps) != user_of(land)


async def test_a_ticket_has_only_characters_and_a_length_that_old_clients_take(
    world: World,
) -> None:
    ticket = await ticket_for(await signed_in(world))
    assert ticket.startswith("ST-")
    assert ticket.replace("-", "").isalnum()
    assert len(ticket) <= 250, "phpCAS makes the name of a file of it"


async def test_the_endpoints_of_cas_2_tell_no_attributes_and_cas_1_tells_two_lines(
    world: World,
) -> None:
    browser = await signed_in(world)
    bare = await validate(world, await ticket_for(browser), path="/cas/serviceValidate")
    assert bare.find(f"{CAS}authenticationSuccess/{CAS}attributes") is None
    query = {"service": LAND, "ticket": await ticket_for(browser)}
    plain = await world.http.get("/cas/validate", params=query)
    assert plain.text == f"yes\n{user_of(bare)}\n"
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    again = await world.http.get("/cas/validate", params=query)
    assert again.text == "no\n\n"


async def test_a_ticket_may_travel_by_form(world: World) -> None:
    browser = await signed_in(world)
    page = await login(browser, method="POST")
    form = Fields(page.text)
    assert form.actions == [LAND]
    assert code_of(await validate(world, form.values["ticket"])) is None


async def test_a_ticket_lives_for_half_a_minute(world: World) -> None:
    ticket = await ticket_for(await signed_in(world))
    world.clock.now += 30
    assert code_of(await validate(world, ticket)) == "INVALID_TICKET"


async def test_renew_asks_the_person_again_and_the_service_can_insist_on_it(world: World) -> None:
    browser = await signed_in(world)
    world.clock.now += 60
    known = await ticket_for(browser)
    assert code_of(await validate(world, known, renew="true")) == "INVALID_TICKET_SPEC"
    page = await browser.follow(await login(browser, renew="true", gateway="true"))
    assert "password" in Fields(page.text).names, "renew wins over gateway"
    response = await browser.submit(
        page, username=world.alice.account.username, password=world.alice.password
    )
    if response.status_code == 200:
        response = await browser.submit(response, otp=world.otp(world.alice))
    proven = await validate(world, ticket_in(response), renew="true")
    assert attribute(proven, "isFromNewLogin") == "true"


async def test_gateway_answers_with_a_ticket_or_with_nothing_at_all(world: World) -> None:
    """K08: no session, no page, no ticket, and no error that CAS does not know."""
    nobody = await login(world.browser(), LAND + "x?y=1", gateway="true")
    assert nobody.headers["location"] == LAND + "x?y=1"
    browser = await signed_in(world)
    assert ticket_in(await login(browser, gateway="true"))


async def test_a_person_who_stops_is_told_so_and_not_sent_round_in_a_circle(world: World) -> None:
    browser = world.browser()
    page = await browser.follow(await login(browser))
    response = await browser.submit(page, decision="cancel")
    assert response.status_code == 403
    assert "location" not in response.headers


async def test_a_level_that_the_session_has_not_is_asked_for_in_cas_too(world: World) -> None:
    browser = world.browser()
    await browser.sign_in(world.pat, await login(browser))
    assert ticket_in(await login(browser))
    response = await browser.follow(await login(browser, SAFE))
    assert "location" not in response.headers


async def test_a_visit_without_a_service_goes_to_the_start_page(world: World) -> None:
    assert (await world.browser().http.get("/cas/login")).headers["location"] == "/"


# --- K01: services ------------------------------------------------------------------------------

BAD_SERVICES = {
    "K01-unregistered": "https://other.test/",
    "K01-longer-host": "https://app.test.evil.test/land/",
    "K01-userinfo": "https://app.test@evil.test/land/",
    "K01-own-host-as-userinfo": "https://evil.test@app.test/land/",
    "K01-dots": "https://app.test/land/../x",
    "K01-dots-at-the-end": "https://app.test/land/..",
    "K01-encoded-dots": "https://app.test/land/%2e%2e/x",
    "K01-encoded-slash": "https://app.test/land/..%2fx",
    "K01-doubly-encoded": "https://app.test/land/%252e%252e/x",
    "K01-semicolon": "https://app.test/land/..;/x",
    "K01-encoded-semicolon": "https://app.test/land/..%3b/x",
    "K01-backslash": "https://app.test/land/\\..\\x",
    "K01-encoded-backslash": "https://app.test/land/..%5cx",
    "K01-javascript": "javascript:alert(1)",
    "K01-javascript-with-our-host": "javascript://app.test/land/%0aalert(1)",
    "no segment": "https://app.test/landslide",
    "no slash": "https://app.test/land",
    "double slash": "https://app.test/land//evil.test",
    "plain http": "http://app.test/land/",
    "a port": "https://app.test:444/land/",
    "the usual port": "https://app.test:443/land/",
    "upper case": "https://APP.test/land/",
    "a fragment": "https://app.test/land/#x",
    "a ticket of its own": "https://app.test/land/?ticket=ST-1",
    "a hidden ticket of its own": "https://app.test/land/?a=1&tick%65t=ST-1",
    "not byte for byte": "https://land.test/enter?x=1",
    "under a whole address": "https://land.test/enter/x",
    "a space": "https://app.test/land/ x",
    "Vietnamese letters": "https://app.test/land/đất",
    "a broken escape": "https://app.test/land/%zz",
    "too long": "https://app.test/land/" + "x" * 2000,
    "nothing": "",
}


@pytest.mark.parametrize("service", BAD_SERVICES.values(), ids=BAD_SERVICES)
async def test_an_address_that_is_not_registered_gets_a_page_and_never_a_ticket(
    world: World, service: str
) -> None:
    browser = await signed_in(world)
    for more in ({}, {"gateway": "true"}, {"method": "POST"}, {"renew": "true"}):
        response = await login(browser, service, **more)
        assert response.status_code == 403
        assert "location" not in response.headers
        assert not re.search("ST-[A-Z2-7]{40}", response.text)
        assert not [action for action in Fields(response.text).actions if "://" in action]
    left = await browser.http.get("/cas/logout", params={"service": service})
    assert "location" not in left.headers
    assert left.status_code == (403 if service else 200)


@pytest.mark.parametrize(
    "service",
    [LAND, LAND + "a/b;jsessionid=1?c=d%20e&f=/../", "https://land.test/enter", LAND + "%C4%91"],
)
async def test_what_lies_under_a_registered_address_is_served_as_it_is_written(
    world: World, service: str
) -> None:
    browser = await signed_in(world)
    response = await login(browser, service)
    assert response.headers["location"].startswith(service)
    assert code_of(await validate(world, ticket_in(response), service)) is None


async def test_a_service_that_is_sent_twice_is_refused(world: World) -> None:
    browser = await signed_in(world)
    twice = f"{query_of(service=LAND)}&{query_of(service=MAPS)}"
    assert (await browser.http.get(f"/cas/login?{twice}")).status_code == 400


# --- K03: a ticket is for one service, and for one question ---------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [MAPS, LAND + "?x=1", LAND + "x", "https://other.test/"],
    ids=["K03-other-system", "K03-query", "other-page", "unregistered"],
)
@pytest.mark.parametrize("path", XML_PATHS)
async def test_a_wrong_service_burns_the_ticket(world: World, wrong: str, path: str) -> None:
    ticket = await ticket_for(await signed_in(world))
    assert code_of(await validate(world, ticket, wrong, path)) == "INVALID_SERVICE"
    assert code_of(await validate(world, ticket, LAND, path)) == "INVALID_TICKET"


async def test_any_question_burns_the_ticket(world: World) -> None:
    browser = await signed_in(world)
    for query in (
        {},
        {"service": LAND, "renew": "true"},
        {"service": LAND, "pgtUrl": "https://evil.test/"},
    ):
        world.clock.now += 5
        ticket = await ticket_for(browser)
        asked = {"ticket": ticket} | query
        refused = await world.http.get("/cas/serviceValidate", params=asked)
        assert code_of(ET.fromstring(refused.content)) is not None
        assert code_of(await validate(world, ticket)) == "INVALID_TICKET"


async def test_of_many_questions_at_once_one_is_answered(world: World) -> None:
    ticket = await ticket_for(await signed_in(world))
    answers = await asyncio.gather(*(validate(world, ticket) for _ in range(20)))
    assert [code_of(document) for document in answers].count(None) == 1


async def test_another_spelling_of_a_ticket_is_no_second_ticket(world: World) -> None:
    ticket = await ticket_for(await signed_in(world))
    assert code_of(await validate(world, ticket)) is None
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    spellings = {ticket[:-1] + letter for letter in alphabet} | {
        ticket.lower(), ticket + "=", ticket + "A", ticket.replace("ST-", "PT-"),
        ticket.replace("ST-", "PGT-"), ticket + "\u200b",
    }  # fmt: skip
    for spelled in spellings:
        document = await validate(world, spelled, path="/cas/proxyValidate")
        assert code_of(document) == "INVALID_TICKET", spelled


# --- K04: nothing that is sent can speak in an answer ---------------------------------------------

INJECTED = {
    "K04-cdata": "ST-x]]></cas:authenticationFailure><cas:authenticationSuccess>",
    "K04-user": "ST-x</cas:authenticationFailure><cas:authenticationSuccess><cas:user>root</cas:user>",
    "entity": "ST-&lt;cas:user&gt;root",
    "attribute": '" code="X',
    "long": "ST-" + "A" * 10_000,
    "letters": "ST-đ",
}


@pytest.mark.parametrize("ticket", INJECTED.values(), ids=INJECTED)
async def test_a_ticket_that_is_a_document_is_only_a_wrong_ticket(
    world: World, ticket: str
) -> None:
    for path in XML_PATHS:
        response = await world.http.get(path, params={"ticket": ticket, "service": LAND})
        assert code_of(ET.fromstring(response.content)) == "INVALID_TICKET"
        assert "Success" not in response.text
    plain = await world.http.get("/cas/validate", params={"ticket": ticket, "service": LAND})
    assert plain.text == "no\n\n"
    proxy = await world.http.get("/cas/proxy", params={"pgt": ticket, "targetService": MAPS})
    assert code_of(ET.fromstring(proxy.content)) == "INVALID_TICKET"


UNREADABLE = {
    "K04-line-break": "ticket=ST-x%0d%0ayes&service=https://app.test/land/",
    "K04-line-break-in-the-service": "ticket=ST-x&service=https://app.test/land/%0d%0ayes%0d%0aroot",
    "NUL": "ticket=ST-%00&service=https://app.test/land/",
    "not UTF-8": "ticket=ST-%ff&service=https://app.test/land/",
    "no ticket": "service=https://app.test/land/",
    "nothing": "",
}


@pytest.mark.parametrize("query", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_cannot_be_read_is_refused_in_the_words_of_cas(world: World, query: str) -> None:
    for path in XML_PATHS:
        document = ET.fromstring((await world.http.get(f"{path}?{query}")).content)
        assert code_of(document) == "INVALID_REQUEST"
    assert (await world.http.get(f"/cas/validate?{query}")).text == "no\n\n"


async def test_a_service_that_is_doubled_is_no_service_and_burns_the_ticket(world: World) -> None:
    """K04: the second one may be what a proxy in front has checked."""
    browser = await signed_in(world)
    for second in (LAND, MAPS):
        world.clock.now += 5
        ticket = await ticket_for(browser)
        query = f"{query_of(ticket=ticket, service=LAND)}&{query_of(service=second)}"
        plain = await world.http.get(f"/cas/validate?{query}")
        assert plain.text == "no\n\n"
        document = ET.fromstring((await world.http.get(f"/cas/serviceValidate?{query}")).content)
        assert code_of(document) in ("INVALID_REQUEST", "INVALID_TICKET")
        assert code_of(await validate(world, ticket)) == "INVALID_TICKET"


@pytest.mark.parametrize("name", ["renew", "pgtUrl", "format"])
async def test_nothing_may_be_said_twice(world: World, name: str) -> None:
    ticket = await ticket_for(await signed_in(world))
    query = f"{query_of(ticket=ticket, service=LAND)}&{name}=true&{name}=false"
    document = ET.fromstring((await world.http.get(f"/cas/serviceValidate?{query}")).content)
    assert code_of(document) == "INVALID_REQUEST"
    twice = f"{query_of(pgt=ticket, targetService=MAPS)}&{name}=1&{name}=2"
    document = ET.fromstring((await world.http.get(f"/cas/proxy?{twice}")).content)
    assert code_of(document) == "INVALID_REQUEST"


async def test_no_other_handle_of_ours_is_a_ticket_and_no_ticket_is_a_code(world: World) -> None:
    """B19: each kind has a key space of its own."""
    browser = await signed_in(world)
    code = await browser.code()
    for handle in (code, "PGT-" + code[3:], "ST-" + code[3:], "st-1"):
        assert code_of(await validate(world, handle)) == "INVALID_TICKET"
    ticket = await ticket_for(browser)
    response = await world.redeem(ticket)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


async def test_there_is_no_door_for_passwords_beside_the_pages(world: World) -> None:
    """P11: the REST protocol of CAS would take a password without the second factor."""
    credentials = {"username": world.alice.account.username, "password": world.alice.password}
    for path in ("/cas/v1/tickets", "/cas/v1/users"):
        assert (await world.http.post(path, data=credentials)).status_code in (404, 405)
    posted = await world.http.post("/cas/login", data=credentials | {"service": LAND})
    assert posted.status_code == 405


async def test_guesses_that_come_by_cas_are_counted_with_all_others(world: World) -> None:
    """P03: one counter, whatever door the flow began at."""
    name = world.alice.account.username
    seen = []
    for number in range(12):
        browser = world.browser("203.0.113.9")
        start = await login(browser) if number % 2 else await browser.authorize()
        page = await browser.follow(start)
        response = await browser.submit(page, username=name, password=f"sai-{number}")
        seen.append(response.status_code)
    assert 429 in seen


# --- K06: call-backs of proxies -------------------------------------------------------------------


def calls(egress: Egress) -> list[dict[str, str]]:
    return [
        {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
        for url in egress.urls
    ]


async def granting_ticket(world: World, egress: Egress, browser: Browser) -> str:
    egress.status = 200
    document = await validate(world, await ticket_for(browser), pgtUrl=CALLBACK)
    iou = document.findtext(f"{CAS}authenticationSuccess/{CAS}proxyGrantingTicket")
    (call,) = [call for call in calls(egress) if call.get("pgtIou") == iou]
    return call["pgtId"]


async def proxy_ticket(world: World, pgt: str, target: str = MAPS) -> ET.Element:
    response = await world.http.get("/cas/proxy", params={"pgt": pgt, "targetService": target})
    return ET.fromstring(response.content)


async def test_a_system_that_is_admitted_enters_for_a_person(world: World, egress: Egress) -> None:
    pgt = await granting_ticket(world, egress, await signed_in(world))
    document = await proxy_ticket(world, pgt)
    ticket = document.findtext(f"{CAS}proxySuccess/{CAS}proxyTicket") or ""
    assert ticket.startswith("PT-")
    assert len(ticket) <= 250
    entered = await validate(world, ticket, MAPS, "/cas/proxyValidate")
    proxies = [element.text for element in entered.iter(f"{CAS}proxy")]
    assert proxies == [CALLBACK]
    assert code_of(await validate(world, ticket, MAPS, "/cas/proxyValidate")) == "INVALID_TICKET"


async def test_a_chain_of_proxies_is_told_the_nearest_first(world: World, egress: Egress) -> None:
    pgt = await granting_ticket(world, egress, await signed_in(world))
    ticket = (await proxy_ticket(world, pgt)).findtext(f".//{CAS}proxyTicket") or ""
    more = {"pgtUrl": "https://maps.test/pgt"}
    entered = await validate(world, ticket, MAPS, "/cas/proxyValidate", **more)
    assert entered.find(f".//{CAS}proxyGrantingTicket") is not None
    second = calls(egress)[-1]["pgtId"]
    assert code_of(await proxy_ticket(world, second, LAND)) == "UNAUTHORIZED_SERVICE"


async def test_a_service_that_takes_no_proxies_takes_no_proxy_ticket(
    world: World, egress: Egress
) -> None:
    pgt = await granting_ticket(world, egress, await signed_in(world))
    for path in ("/cas/serviceValidate", "/cas/p3/serviceValidate"):
        ticket = (await proxy_ticket(world, pgt)).findtext(f".//{CAS}proxyTicket") or ""
        assert code_of(await validate(world, ticket, MAPS, path)) == "INVALID_TICKET_SPEC"
    assert code_of(await proxy_ticket(world, pgt, LAND)) == "UNAUTHORIZED_SERVICE"
    assert code_of(await proxy_ticket(world, pgt, "https://evil.test/")) == "UNAUTHORIZED_SERVICE"
    assert code_of(await validate(world, pgt)) == "INVALID_TICKET", "it grants, and is none itself"
    assert code_of(await proxy_ticket(world, await ticket_for(await signed_in(world)))) == (
        "INVALID_TICKET"
    )


async def test_a_proxy_enters_nowhere_for_a_person_who_could_not(
    world: World, egress: Egress
) -> None:
    egress.status = 200
    browser = world.browser()
    await browser.sign_in(world.pat, await login(browser))
    document = await validate(world, await ticket_for(browser), pgtUrl=CALLBACK)
    assert code_of(document) is None
    low = calls(egress)[-1]["pgtId"]
    assert code_of(await proxy_ticket(world, low, SAFE)) == "UNAUTHORIZED_SERVICE"
    assert code_of(await proxy_ticket(world, low)) is None


async def test_a_proxy_is_out_with_the_session_and_after_two_hours(
    world: World, egress: Egress
) -> None:
    browser = await signed_in(world)
    pgt = await granting_ticket(world, egress, browser)
    await sign_out(browser)
    assert code_of(await proxy_ticket(world, pgt)) == "INVALID_TICKET"
    other = await granting_ticket(world, egress, await signed_in(world))
    world.clock.now += 2 * 3600
    assert code_of(await proxy_ticket(world, other)) == "INVALID_TICKET"


async def test_a_call_back_that_is_taken_out_of_the_register_opens_nothing_any_more(
    world: World, egress: Egress
) -> None:
    browser = await signed_in(world)
    pgt = await granting_ticket(world, egress, browser)
    ticket = (await proxy_ticket(world, pgt)).findtext(f".//{CAS}proxyTicket") or ""
    cas = world.settings.systems["land"].cas  # type: ignore[index]  # a SystemId
    assert cas is not None
    object.__setattr__(cas, "proxy_callbacks", ())
    async with open_service(world.settings, world.clock) as app:
        world.app = app
        assert (
            code_of(await validate(world, ticket, MAPS, "/cas/proxyValidate")) == "INVALID_TICKET"
        )
        assert code_of(await proxy_ticket(world, pgt)) == "INVALID_TICKET"


@pytest.mark.parametrize(
    "callback",
    [
        "http://app.test/pgt", "https://10.0.0.5/pgt", "https://169.254.169.254/pgt",
        "https://localhost/pgt", "https://evil.test/pgt", "https://app.test/pgt?x=1",
        "https://app.test/pgt/", "https://maps.test/pgt", "file:///etc/passwd",
    ],
    ids=[
        "K06-http", "K06-internal", "K06-link-local", "K06-localhost", "K06-unregistered",
        "K06-query", "K06-slash", "of-another-system", "no-web-address",
    ],
)  # fmt: skip
async def test_a_call_back_that_is_not_registered_is_not_called(
    world: World, egress: Egress, callback: str
) -> None:
    ticket = await ticket_for(await signed_in(world))
    document = await validate(world, ticket, pgtUrl=callback)
    assert code_of(document) == "INVALID_PROXY_CALLBACK"
    assert egress.urls == []


@pytest.mark.parametrize("status", [302, 307, 204, 404, 500], ids=lambda s: f"K06-{s}")
async def test_a_call_back_that_does_not_accept_leaves_nothing_behind(
    world: World, egress: Egress, status: int
) -> None:
    """What it was sent on the way is void: a redirect would have carried it on."""
    egress.status = status
    ticket = await ticket_for(await signed_in(world))
    assert code_of(await validate(world, ticket, pgtUrl=CALLBACK)) == "INVALID_PROXY_CALLBACK"
    (call,) = calls(egress)
    assert code_of(await proxy_ticket(world, call["pgtId"])) == "INVALID_TICKET"


@pytest.mark.parametrize("kind", ["K06-internal-name", "K06-bad-certificate"])
async def test_a_registered_name_that_leads_astray_is_not_told_anything(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The real way out: a private number behind a public name; a certificate that nobody knows."""
    async with _listening(tmp_path) as (port, seen):

        async def private(_host: str) -> list[Number]:
            return [ip_address("127.0.0.1")]

        def client(_ca_file: str | None, _rules: EgressRules) -> httpx.AsyncClient:
            if kind == "K06-internal-name":
                return client_over(
                    EgressTransport(httpx.AsyncHTTPTransport(), EgressRules(), private)
                )
            return outgoing_client(
                None, EgressRules(allowed_hosts={"localhost": AllowedHost(ports=(port,))})
            )

        callback = CALLBACK if kind == "K06-internal-name" else f"https://localhost:{port}/pgt"
        cas = world.settings.systems["land"].cas  # type: ignore[index]  # a SystemId
        assert cas is not None
        object.__setattr__(cas, "proxy_callbacks", (callback,))
        monkeypatch.setattr("idp.app.outgoing_client", client)
        async with open_service(world.settings, world.clock) as app:
            world.app = app
            ticket = await ticket_for(await signed_in(world))
            document = await validate(world, ticket, pgtUrl=callback)
        assert code_of(document) == "INVALID_PROXY_CALLBACK"
        assert seen == []


@asynccontextmanager
async def _listening(folder: Path) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A TLS server with a certificate of its own making, and what it was told."""
    certificate(folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


# --- K08: attributes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("<b>&amp;]]>", "<b>&amp;]]>"),
        ("</cas:name><cas:user>root</cas:user>", "</cas:name><cas:user>root</cas:user>"),
        ("A & B", "A & B"), ("a\x00b\x08\x1b\ufffe", "ab"), ("Đ" * 5000, "Đ" * 5000),
    ],
    ids=["K08-lt", "K08-element", "K08-amp", "K08-nul", "K08-10-kB"],
)  # fmt: skip
async def test_no_attribute_breaks_out_of_its_element(world: World, name: str, told: str) -> None:
    browser = await signed_in(world)
    await rename(world, name)
    document = await validate(world, await ticket_for(browser))
    assert attribute(document, "name") == told
    assert len(list(document.iter(f"{CAS}user"))) == 1
    assert len(document) == 1


async def rename(world: World, name: str) -> None:
    """The person's name, in the store, as a source could have brought it."""
    subject = world.alice.account.subject
    async with open_stores(world.settings, world.clock) as stores:
        sealed = seal_attributes(stores.sealer, subject, PersonAttributes(full_name=name))
        sql = "UPDATE subject SET attributes_sealed = $2 WHERE id = $1"
        assert await stores.database.change(sql, subject, sealed) == 1


async def test_only_what_the_system_declared_is_told(world: World) -> None:
    """K08: neither another system's claims, nor any that CAS servers tell by habit."""
    document = await validate(world, await ticket_for(await signed_in(world)))
    (attributes,) = document.iter(f"{CAS}attributes")
    assert {element.tag.removeprefix(CAS) for element in attributes} == {
        "name", "acr", "authenticationDate", "isFromNewLogin",
        "longTermAuthenticationRequestTokenUsed",
    }  # fmt: skip


# --- the gate, and logout -------------------------------------------------------------------------


async def sign_out(browser: Browser) -> httpx.Response:
    return await browser.submit(await browser.http.get("/cas/logout"))


async def test_a_ticket_of_a_session_that_ended_is_worth_nothing(world: World) -> None:
    browser = await signed_in(world)
    ticket = await ticket_for(browser)
    await sign_out(browser)
    assert code_of(await validate(world, ticket)) == "INVALID_TICKET"


async def test_a_person_who_is_disabled_between_two_steps_does_not_enter(world: World) -> None:
    ticket = await ticket_for(await signed_in(world))
    async with open_stores(world.settings, world.clock) as stores:
        await stores.accounts.set_enabled(world.alice.account.subject, enabled=False)
    assert code_of(await validate(world, ticket)) == "INVALID_TICKET"


async def test_a_link_that_is_suspended_between_two_steps_closes_the_door(world: World) -> None:
    ticket = await ticket_for(await signed_in(world))
    async with open_stores(world.settings, world.clock) as stores:
        changed = await stores.database.change("UPDATE link SET state = 'suspended'")
        assert changed == 1
    assert code_of(await validate(world, ticket)) == "INVALID_TICKET"


async def test_logout_asks_first_and_then_offers_the_way_back(world: World) -> None:
    browser = await signed_in(world)
    page = await browser.http.get("/cas/logout", params={"service": LAND})
    assert page.status_code == 200
    assert ticket_in(await login(browser)), "nothing has ended yet"
    other_language = await browser.http.get("/cas/logout", params={"service": LAND, "lang": "en"})
    assert "Sign out" in other_language.text
    left = await browser.submit(page)
    assert left.headers["location"] == LAND
    assert (await login(browser, gateway="true")).headers["location"] == LAND


async def test_every_ticket_that_was_redeemed_hears_of_the_end_by_its_own_name(
    world: World, egress: Egress
) -> None:
    browser = await signed_in(world)
    services = (LAND + "a?x=1", LAND + "b", MAPS, SAFE)
    redeemed = {}
    for service in services:
        ticket = await ticket_for(browser, service)
        assert code_of(await validate(world, ticket, service)) is None
        redeemed[service] = ticket
    unused = await ticket_for(browser)
    egress.status = 302  # as mod_auth_cas answers when it has ended the session
    page = await sign_out(browser)
    assert page.text.count("<li>") == 2, "each system is named once"
    for _ in range(200):
        if len(egress.posted) >= 3:
            break
        await asyncio.sleep(0.01)
    told = {
        url: ET.fromstring(form["logoutRequest"])
        for url, form in zip(egress.urls, egress.posted, strict=True)
    }
    assert set(told) == set(services) - {SAFE}, "one system wants to hear nothing"
    for url, document in told.items():
        index = document.findtext("{urn:oasis:names:tc:SAML:2.0:protocol}SessionIndex")
        assert index == redeemed[url] != unused
    ids: set[Any] = {document.get("ID") for document in told.values()}
    assert len(ids) == 3
    assert await all_delivered(world), "none is sent a second time"
    assert "<samlp:SessionIndex>" in egress.posted[0]["logoutRequest"], "as phpCAS looks for it"


async def all_delivered(world: World) -> bool:
    async with open_stores(world.settings, world.clock) as stores:
        for _ in range(200):
            rows = await stores.database.rows("SELECT delivered_at, dead_at, attempts FROM notice")
            if all(row["attempts"] for row in rows):
                return all(row["delivered_at"] is not None for row in rows)
            await asyncio.sleep(0.01)
    return False
