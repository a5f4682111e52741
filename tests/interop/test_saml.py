"""Service providers that we did not write: Apache with mod_auth_mellon, as Debian has it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx

from connectors.systems.saml.metadata import read_sp_metadata
from idp.demo.browser import Browser
from tests.interop.apache import apache, needs
from tests.interop.conftest import Provider
from tests.interop.saml_systems import SYSTEMS
from tests.interop.test_cas import told

LOGOUT_SECONDS = 5.0
PLACE = """
<Location /{name}>
  AuthType Mellon
  Require valid-user
  MellonEnable auth
  MellonVariable {name}
  MellonSecureCookie Off
  MellonEndpointPath /{name}/mellon
  MellonSPPrivateKeyFile "{key}"
  MellonSPCertFile "{certificate}"
  {own}
  MellonIdPMetadataFile "{root}/idp.xml"
  MellonUser local_account
  MellonSetEnvNoPrefix PERSON name
  SetOutputFilter INCLUDES
</Location>
"""
PAGE = (
    '<p>user=<!--#echo var="REMOTE_USER" -->;name=<!--#echo encoding="none" var="PERSON" -->;</p>'
)

with_mellon = needs("auth_mellon", "libapache2-mod-auth-mellon")


def places(provider: Provider, root: Path) -> str:
    metadata = httpx.get(f"{provider.issuer}/saml/metadata", trust_env=False).content
    (root / "idp.xml").write_bytes(metadata)
    values = {"root": root, "key": provider.sp.key, "certificate": provider.sp.certificate}
    own = {
        "college": f'MellonSPMetadataFile "{provider.sp.metadata}"',
        "library": f"MellonSPentityId {provider.mellon}/library/mellon/metadata",
    }
    return f'MellonLockFile "{root}/mellon.lock"\n' + "".join(
        PLACE.format(name=name, own=own[name], **values) for name in SYSTEMS
    )


@contextmanager
def behind_mellon(provider: Provider) -> Iterator[Path]:
    """Two places of one server; its log."""
    pages = {f"{name}/index.html": PAGE for name in SYSTEMS}
    with apache(provider.mellon, "auth_mellon", pages, partial(places, provider)) as root:
        yield root / "error.log"


@with_mellon
async def test_two_places_behind_mellon_are_entered_with_one_sign_in_and_left_with_one_logout(
    provider: Provider,
) -> None:
    with behind_mellon(provider) as log:
        person = provider.newcomer()
        college, library = (f"{provider.mellon}/{name}/index.html?hoc_ky=1" for name in SYSTEMS)
        browser = await provider.sign_in(college, person)
        page = (await browser._client.get(college)).text
        assert "user=college-" in page, page + log.read_text("utf-8")[-4000:]
        assert f"name={person.attributes.full_name};" in page
        assert browser.url == college, "the person arrives where they wanted to go"
        asked = browser.pages_with_a_question

        page = (await browser.open(library)).text
        assert "user=library-" in page, page + log.read_text("utf-8")[-4000:]
        assert browser.pages_with_a_question == asked, "one sign-in is enough"

        await browser.open(f"{provider.issuer}/logout")
        await browser.submit({})
        for place, name in zip((college, library), SYSTEMS, strict=True):
            await outside(browser, place, log)
            assert await told(provider, name)
        await browser.close()


async def outside(browser: Browser, place: str, log: Path) -> None:
    """The place sends the person away to sign in, soon after the logout elsewhere."""
    ends_at = time.monotonic() + LOGOUT_SECONDS
    while (left := await browser._client.get(place)).status_code == 200:
        assert time.monotonic() < ends_at, log.read_text("utf-8")[-4000:]
        await asyncio.sleep(0.05)
    assert "/mellon/login" in left.headers["location"]


@with_mellon
async def test_a_logout_at_mellon_ends_the_session_at_our_end(provider: Provider) -> None:
    with behind_mellon(provider) as log:
        college, library = (f"{provider.mellon}/{name}/index.html" for name in SYSTEMS)
        browser = await provider.sign_in(college, provider.newcomer())
        await browser.open(library)
        left = await browser.open(
            f"{provider.mellon}/college/mellon/logout?ReturnTo={provider.mellon}/up.html"
        )
        assert browser.url == f"{provider.mellon}/up.html", left.text + log.read_text("utf-8")
        await outside(browser, library, log)
        asked = browser.pages_with_a_question
        await browser.open(college)
        assert browser.pages_with_a_question == asked + 1, "whoever comes again signs in again"
        await browser.close()


@with_mellon
async def test_the_metadata_that_mellon_writes_of_itself_can_be_registered(
    provider: Provider,
) -> None:
    with behind_mellon(provider):
        mellon = f"{provider.mellon}/library/mellon"
        raw = httpx.get(f"{mellon}/metadata", trust_env=False).content
        found = read_sp_metadata(raw)
        assert found.entity_id == f"{mellon}/metadata"
        assert f"{mellon}/postResponse" in {endpoint.url for endpoint in found.acs}
        assert {found.slo_url, found.slo_soap_url} == {f"{mellon}/logout"}
        assert len(set(found.certificates)) == 1
