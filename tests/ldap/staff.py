"""The way of staff through our pages."""

import asyncio
import json
import re
import sqlite3
from contextlib import closing

import httpx

from tests.fixtures_world import Browser, World
from tests.ldap.directories import PASSWORD


async def page_of(browser: Browser, directory: str, **changes: str | None) -> httpx.Response:
    """From the application to our page for this directory."""
    page = await browser.follow(await browser.authorize(**changes))
    found = re.search(rf'href="(/upstream/{directory}/start[^"]+)"', page.text)
    assert found, page.text
    return await browser.http.get(found[1].replace("&amp;", "&"))


async def by_directory(
    browser: Browser,
    directory: str,
    username: str = "hoa.lt",
    password: str = PASSWORD,
    **changes: str | None,
) -> httpx.Response:
    """A whole sign-in by a directory; what comes of it."""
    page = await page_of(browser, directory, **changes)
    return await browser.submit(page, username=username, password=password)


def audited(world: World, event: str) -> list[dict[str, object]]:
    """The records of this kind that are written by now."""
    path = world.settings.tables.storage.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT fields FROM audit_record WHERE event = ? ORDER BY seq", (event,)
        )
        return [dict(json.loads(row[0])) for row in rows.fetchall()]


async def audited_soon(world: World, event: str) -> list[dict[str, object]]:
    """The same, waited for: records are written in batches."""
    for _ in range(100):
        if found := audited(world, event):
            return found
        await asyncio.sleep(0.05)
    return []
