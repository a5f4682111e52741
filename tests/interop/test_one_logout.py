"""One sign-in and one logout over software that we did not write, in one browser: every dialect."""

import asyncio
import re
import shutil
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from idp.demo.browser import Browser
from tests.interop.apache import needs
from tests.interop.conftest import Provider
from tests.interop.test_cas import behind_mod_auth_cas
from tests.interop.test_clients import behind_openidc
from tests.interop.test_forward_auth import behind
from tests.interop.test_saml import behind_mellon
from tests.interop.test_saml_toolkit import TOOLKIT, toolkit

LOGOUT_SECONDS = 5.0


def places(provider: Provider) -> dict[str, tuple[str, str, str]]:
    """For each: where a person goes in, where the session shows, and the account that it shows."""
    openidc = f"{provider.apache}/app/index.html"
    cas = f"{provider.cas_apache}/app/index.html"
    mellon = f"{provider.mellon}/college/index.html"
    nginx = f"{provider.protected['nginx']}/whoami"
    return {
        "mod_auth_openidc": (openidc, openidc, r"account=(cong-[^<]+)<"),
        "mod_auth_cas": (cas, cas, r"user=(lt-[^<]+)<"),
        "mod_auth_mellon": (mellon, mellon, r"user=(college-[^<]+)<"),
        "nginx auth_request": (nginx, nginx, r'"(mang-[^"]+)"'),
        "python3-saml": (
            f"{provider.onelogin}/login",
            f"{provider.onelogin}/me",
            r'"(clinic-[^"]+)"',
        ),
    }


@needs("auth_openidc", "libapache2-mod-auth-openidc")
@needs("auth_cas", "libapache2-mod-auth-cas")
@needs("auth_mellon", "libapache2-mod-auth-mellon")
@pytest.mark.skipif(not TOOLKIT.is_dir(), reason="Debian: python3-onelogin-saml2")
@pytest.mark.skipif(shutil.which("nginx") is None, reason="Debian: nginx-light")
async def test_one_sign_in_enters_all_and_one_logout_leaves_all_within_five_seconds(
    provider: Provider, tmp_path: Path
) -> None:
    for name in ("nginx", "clinic"):
        (tmp_path / name).mkdir()
    async with AsyncExitStack() as stack:
        for server in (behind_openidc, behind_mod_auth_cas, behind_mellon):
            stack.enter_context(server(provider))
        stack.enter_context(behind("nginx", provider, tmp_path / "nginx"))
        await stack.enter_async_context(toolkit(provider, tmp_path / "clinic"))
        entries = places(provider)

        (first, *_), *others = entries.values()
        browser = await provider.sign_in(first, provider.newcomer())
        asked = browser.pages_with_a_question
        for entrance, _, _ in others:
            await browser.open(entrance)
        assert browser.pages_with_a_question == asked, "one sign-in is enough"
        accounts = {name: await account_at(browser, *entry[1:]) for name, entry in entries.items()}
        assert None not in accounts.values(), accounts
        assert len(set(accounts.values())) == len(entries), "each knows them by its own account"

        await browser.open(f"{provider.issuer}/logout")
        begun = time.monotonic()
        await browser.submit({})
        alive = set(entries)
        while alive and time.monotonic() < begun + LOGOUT_SECONDS:
            alive -= {n for n in alive if await account_at(browser, *entries[n][1:]) is None}
            await asyncio.sleep(0.05)
        assert not alive, f"these still let the person in: {sorted(alive)}"
        await browser.close()


async def account_at(browser: Browser, place: str, account: str) -> str | None:
    """The account that a place shows without another sign-in, or None where it shows none."""
    response = await browser._client.get(place)
    found = re.search(account, response.text) if response.status_code == 200 else None
    return found[1] if found else None
