"""A service provider that we did not write: python3-saml of OneLogin in strict mode, as Debian has
it. It holds every message against the schemas of SAML 2.0.
"""

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.systems.saml.metadata import read_sp_metadata
from idp.demo.browser import Browser
from tests.interop.conftest import Provider
from tests.interop.test_cas import child

PYTHON = "/usr/bin/python3"
TOOLKIT = Path("/usr/lib/python3/dist-packages/onelogin/saml2")
SCRIPT = Path(__file__).with_name("onelogin_sp.py")
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

pytestmark = pytest.mark.skipif(
    not TOOLKIT.is_dir(), reason="python3-saml is not installed (Debian: python3-onelogin-saml2)"
)


def settings(provider: Provider) -> dict[str, object]:
    place = provider.onelogin
    own = {
        "entityId": f"{place}/metadata",
        "assertionConsumerService": {"url": f"{place}/acs"},
        "singleLogoutService": {"url": f"{place}/slo"},
        "NameIDFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "x509cert": provider.sp.certificate.read_text("ascii"),
        "privateKey": provider.sp.key.read_text("ascii"),
    }
    security = {
        "authnRequestsSigned": True, "logoutRequestSigned": True, "wantAssertionsSigned": True,
        "signatureAlgorithm": RSA_SHA256, "rejectUnsolicitedResponsesWithInResponseTo": True,
        "failOnAuthnContextMismatch": True,
    }  # fmt: skip
    return {"strict": True, "sp": own, "security": security}


@asynccontextmanager
async def toolkit(provider: Provider, folder: Path) -> AsyncIterator[None]:
    metadata = httpx.get(f"{provider.issuer}/saml/metadata", trust_env=False).text
    given = {
        "address": provider.onelogin, "idp_metadata": metadata, "settings": settings(provider),
    }  # fmt: skip
    (folder / "sp.json").write_text(json.dumps(given), "utf-8")
    command = [PYTHON, str(SCRIPT), str(folder / "sp.json")]
    async with child(command, folder, f"{provider.onelogin}/facts"):
        yield


async def entered(provider: Provider) -> tuple[Browser, dict[str, Any]]:
    """A browser that has just been let in, and what the toolkit said."""
    browser = await provider.sign_in(f"{provider.onelogin}/login", provider.newcomer())
    response = await browser.open(f"{provider.onelogin}/login")
    return browser, response.json()


async def test_the_toolkit_takes_our_response_and_our_metadata(
    provider: Provider, tmp_path: Path
) -> None:
    async with toolkit(provider, tmp_path):
        person = provider.newcomer()
        browser = await provider.sign_in(f"{provider.onelogin}/login", person)
        said = (await browser.open(f"{provider.onelogin}/login")).json()
        assert said["reason"] is None
        assert said["authenticated"]
        assert said["attributes"]["name"] == [person.attributes.full_name]
        assert said["attributes"]["local_account"][0].startswith("clinic-")
        assert said["form"]["RelayState"] == "where-i-was"
        facts = await browser.json(f"{provider.onelogin}/facts")
        assert facts["idp_metadata"] == "valid"
        read = read_sp_metadata(str(facts["sp_metadata"]).encode())
        assert (read.entity_id, read.slo_url) == (
            f"{provider.onelogin}/metadata", f"{provider.onelogin}/slo",
        )  # fmt: skip
        await browser.close()


def _other_name(xml: str) -> str:
    return re.sub(r"(local_account.*?<saml:AttributeValue>)[^<]+", r"\1clinic-1", xml)


def _other_person(xml: str) -> str:
    return re.sub(r"(<saml:NameID[^>]*>)[^<]+", r"\1somebody", xml)


def _without_signature(xml: str) -> str:
    return re.sub(r"<ds:Signature .*</ds:Signature>", "", xml)


def _with_another_assertion(xml: str) -> str:
    """The signed one stays, and one that nobody signed comes before it."""
    signed = re.search(r"<saml:Assertion .*</saml:Assertion>", xml)
    assert signed
    forged = re.sub(r' ID="[^"]+"', ' ID="_forged"', _other_person(signed[0]), count=1)
    return xml.replace(signed[0], _without_signature(forged) + signed[0])


def _for_another_request(xml: str) -> str:
    return re.sub(r'InResponseTo="[^"]+"', 'InResponseTo="_other"', xml)


CHANGES = {
    _other_name: "Signature validation failed",
    _other_person: "Signature validation failed",
    _without_signature: "not signed",
    _with_another_assertion: "must contain 1 assertion",
    _for_another_request: "does not match the ID",
}


async def test_the_toolkit_refuses_our_response_once_it_is_changed_or_asked_for_again(
    provider: Provider, tmp_path: Path
) -> None:
    async with toolkit(provider, tmp_path):
        browser, said = await entered(provider)
        assert said["authenticated"]
        form, acs = said["form"], f"{provider.onelogin}/acs"
        xml = base64.b64decode(form["SAMLResponse"]).decode()
        for change, reason in CHANGES.items():
            changed = change(xml)
            assert changed != xml
            sent = form | {"SAMLResponse": base64.b64encode(changed.encode()).decode()}
            judged = (await browser._client.post(acs, data=sent)).json()
            assert not judged["authenticated"], change.__name__
            assert reason in judged["reason"], (change.__name__, judged["reason"])
        assert (await browser._client.post(acs, data=form)).json()["authenticated"], "as it was"
        await browser._client.get(f"{provider.onelogin}/login")
        judged = (await browser._client.post(acs, data=form)).json()
        assert "does not match the ID" in judged["reason"], "an answer to an older request"
        await browser.close()


async def test_the_toolkit_ends_the_session_and_takes_our_answer(
    provider: Provider, tmp_path: Path
) -> None:
    async with toolkit(provider, tmp_path):
        browser, _ = await entered(provider)
        asked = browser.pages_with_a_question
        said = (await browser.open(f"{provider.onelogin}/logout")).json()
        assert browser.url.startswith(f"{provider.onelogin}/slo?SAMLResponse=")
        assert said == {"reason": None, "errors": []}
        await browser.open(f"{provider.onelogin}/login")
        assert browser.pages_with_a_question == asked + 1, "whoever comes again signs in again"
        await browser.close()
