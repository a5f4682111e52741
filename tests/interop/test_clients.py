"""Clients that we did not write sign in, refresh, ask, revoke and sign out."""

import asyncio
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from jose import jwt as python_jose

from tests.interop.apache import apache, needs
from tests.interop.conftest import HERE, Provider, as_json, install_npm_packages

CALLBACK = "http://127.0.0.1:8400/callback"


class Stop(Exception):
    """The browser arrived at the client's callback, where nobody listens in these tests."""


async def callback_of(provider: Provider, url: str, number: int) -> str:
    """Sign a person in and consent; the address that the provider sends the browser to."""
    from idp.demo.browser import Browser

    person = provider.people[number]
    browser = Browser()
    seen: list[str] = []

    async def stop_at_callback(request: httpx.Request) -> None:
        if str(request.url).startswith(CALLBACK):
            seen.append(str(request.url))
            raise Stop

    browser._client.event_hooks["request"].append(stop_at_callback)
    try:
        await browser.open(url)
        await browser.submit({"username": person.username, "password": person.password})
        import time

        from idp.authn.totp import code_at, step_of

        await browser.submit({"otp": code_at(person.totp_secret, step_of(int(time.time())))})
        await browser.submit({"decision": "allow"})
    except Stop:
        pass
    finally:
        await browser.close()
    return seen[0]


async def test_authlib_signs_in_refreshes_and_revokes(provider: Provider) -> None:
    async with AsyncOAuth2Client(
        "sandbox", provider.secret, redirect_uri=CALLBACK, scope="openid profile offline_access",
        code_challenge_method="S256", token_endpoint_auth_method="client_secret_post",
        revocation_endpoint_auth_method="client_secret_post", trust_env=False,
    ) as client:  # fmt: skip
        verifier = "v" * 48
        url, state = client.create_authorization_url(
            f"{provider.issuer}/authorize", code_verifier=verifier, nonce="n-1"
        )
        callback = await callback_of(provider, url, 0)
        assert parse_qs(urlsplit(callback).query)["iss"] == [provider.issuer]
        token = await client.fetch_token(
            f"{provider.issuer}/token", authorization_response=callback, code_verifier=verifier,
            state=state,
        )  # fmt: skip
        userinfo = (await client.get(f"{provider.issuer}/userinfo")).json()
        assert userinfo["name"] == provider.people[0].attributes.full_name
        jwks = (await client.get(f"{provider.issuer}/jwks")).json()
        claims = python_jose.decode(
            token["id_token"], jwks, algorithms=["ES256"], audience="sandbox",
            issuer=provider.issuer, access_token=token["access_token"],
        )  # fmt: skip
        assert claims["nonce"] == "n-1"
        assert claims["sub"] == userinfo["sub"]
        renewed = await client.refresh_token(
            f"{provider.issuer}/token", refresh_token=token["refresh_token"]
        )
        assert renewed["refresh_token"] != token["refresh_token"]
        revoked = await client.revoke_token(
            f"{provider.issuer}/revoke", token=renewed["refresh_token"]
        )
        assert revoked.status_code == 200
        assert (await client.get(f"{provider.issuer}/userinfo")).status_code == 401


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed (Debian: nodejs npm)")
async def test_openid_client_signs_in_refreshes_and_signs_out(provider: Provider) -> None:
    install_npm_packages()
    child = await asyncio.create_subprocess_exec(
        "node", str(HERE / "client.mjs"), provider.issuer, "sandbox", provider.secret, CALLBACK,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    url = (await asyncio.wait_for(child.stdout.readline(), 30)).decode().strip()
    callback = await callback_of(provider, url, 3)
    output, errors = await asyncio.wait_for(child.communicate((callback + "\n").encode()), 30)
    assert child.returncode == 0, errors.decode()[-2000:]
    told = as_json(output.decode().splitlines()[-1])
    assert told["name"] == provider.people[3].attributes.full_name
    assert (told["acr"], told["active"], told["after"]) == ("LoA2", True, False)
    assert str(told["logout"]).startswith(f"{provider.issuer}/logout?")


PROTECTED = """
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret {secret}
OIDCRedirectURI {address}/app/callback
OIDCCryptoPassphrase {passphrase}
OIDCScope "openid profile"
OIDCPKCEMethod S256
OIDCRemoteUserClaim sub
OIDCCookieSameSite On
<Location /app>
  AuthType openid-connect
  Require valid-user
  SetOutputFilter INCLUDES
</Location>
"""


@contextmanager
def behind_openidc(provider: Provider) -> Iterator[Path]:
    """A place that only mod_auth_openidc lets people into; its folder."""
    pages = {
        "app/index.html": '<p>user=<!--#echo var="REMOTE_USER" --></p>'
        '<p>account=<!--#echo var="OIDC_CLAIM_local_account" --></p>'
        '<p>name=<!--#echo var="OIDC_CLAIM_name" --></p>',
        "bye.html": "bye",
    }
    protected = PROTECTED.format(
        issuer=provider.issuer, secret=provider.apache_secret, address=provider.apache,
        passphrase=secrets.token_hex(16),
    )  # fmt: skip
    with apache(provider.apache, "auth_openidc", pages, lambda _: protected) as root:
        yield root


@needs("auth_openidc", "libapache2-mod-auth-openidc")
async def test_apache_with_mod_auth_openidc_signs_in_and_out(provider: Provider) -> None:
    with behind_openidc(provider) as root:
        browser = await provider.sign_in(f"{provider.apache}/app/index.html", provider.people[4])
        page = (await browser._client.get(f"{provider.apache}/app/index.html")).text
        assert "user=" in page, (root / "error.log").read_text("utf-8")[-2000:]
        assert len(page.partition("user=")[2].partition("<")[0]) > 20
        left = await browser.open(
            f"{provider.apache}/app/callback?logout={provider.apache}/bye.html"
        )
        assert left.text == "bye"
        silent = await browser._client.get(
            f"{provider.issuer}/authorize?response_type=code&client_id=apache&scope=openid&prompt=none"
            f"&redirect_uri={provider.apache}/app/callback&code_challenge={'a' * 43}"
            "&code_challenge_method=S256"
        )
        assert "error=login_required" in silent.headers["location"]
        await browser.close()
