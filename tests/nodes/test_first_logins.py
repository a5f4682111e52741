"""L09: many first sign-ins of one identity from above, at once, on two nodes."""

import asyncio
from pathlib import Path

import pytest

from idp.store.postgres import PostgresDatabase
from tests.fixtures_world import answer
from tests.nodes.conftest import Nodes
from tests.tokens import claims_of
from tests.upstreams import Upstreams, come_back, leave, sources_toml

LOGINS = 50


@pytest.fixture
def upstreams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Upstreams:
    made = Upstreams(tmp_path)
    monkeypatch.setattr("idp.app.outgoing_client", made.client)
    return made


@pytest.fixture
def more_config(tmp_path: Path, upstreams: Upstreams) -> str:
    return sources_toml(tmp_path)


async def test_fifty_first_logins_of_one_identity_over_two_nodes_make_one_person(
    nodes: Nodes, upstreams: Upstreams
) -> None:
    browsers = [nodes.both[n % 2].browser(f"203.0.113.{n + 1}") for n in range(LOGINS)]
    backs = [await upstreams.choose(await leave(b, "vnconnect"), "an") for b in browsers]
    pages = await asyncio.gather(
        *(come_back(browser, back) for browser, back in zip(browsers, backs, strict=True))
    )
    assert {page.status_code for page in pages} == {303}
    subs = set()
    for page, browser in zip(pages, browsers, strict=True):
        tokens = (await browser.world.redeem(answer(page)["code"])).json()
        subs.add(claims_of(tokens["id_token"])["sub"])
    assert len(subs) == 1
    database = await PostgresDatabase.connect(nodes.settings.tables.storage.database_url)
    made = await database.one("SELECT count(*) AS n FROM upstream_identity")
    people = await database.one("SELECT count(*) AS n FROM subject WHERE username_digest IS NULL")
    await database.close()
    assert made is not None
    assert people is not None
    assert (made["n"], people["n"]) == (1, 1)
