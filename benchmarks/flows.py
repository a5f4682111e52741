"""What is measured: each flow does its work once and looks at every answer."""

import hashlib
import json
import zlib
from base64 import b64encode, urlsafe_b64encode
from secrets import token_hex
from urllib.parse import parse_qs, quote, urlsplit

from benchmarks.load import Connection, Target

VERIFIER = "benchmark-verifier-benchmark-verifier-benchmark"
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def sso_flow(connection: Connection, target: Target) -> str:
    """One single sign-on: authorize, token, userinfo. Returns the ID token."""
    tokens = await _sign_on(connection, target)
    await _ask_userinfo(connection, target, tokens["access_token"])
    return tokens["id_token"]


async def client_credentials_flow(connection: Connection, target: Target) -> str:
    """One token for the client itself."""
    tokens = await _ask_tokens(connection, target, "grant_type=client_credentials")
    return tokens["access_token"]


async def refresh_flow(connection: Connection, target: Target) -> str:
    """The next refresh token for the one that this connection holds. Returns the ID token."""
    if not connection.held:
        tokens = await _sign_on(connection, target)
    else:
        body = f"grant_type=refresh_token&refresh_token={connection.held}"
        tokens = await _ask_tokens(connection, target, body)
    if tokens["refresh_token"] == connection.held:
        raise RuntimeError(f"{target.name}: the refresh token was not rotated")
    connection.held = tokens["refresh_token"]
    return tokens["id_token"]


async def userinfo_flow(connection: Connection, target: Target) -> str:
    """Userinfo for the access token that this connection holds."""
    if not connection.held:
        connection.held = (await _sign_on(connection, target))["access_token"]
    await _ask_userinfo(connection, target, connection.held)
    return connection.held


async def introspection_flow(connection: Connection, target: Target) -> str:
    """Introspection of the access token that this connection holds."""
    if not connection.held:
        connection.held = (await _sign_on(connection, target))["access_token"]
    answer = await _post(connection, target, target.introspect, f"token={connection.held}")
    if answer.get("active") is not True:
        raise RuntimeError(f"{target.name}: introspection answered {answer}")
    return connection.held


async def cas_flow(connection: Connection, target: Target) -> str:
    """A CAS ticket with the live session, and its validation. Returns the answer."""
    service = quote("https://land.test/ho-so?so=1", safe="")
    _, headers, _ = await connection.send(
        f"GET /cas/login?service={service} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Cookie: {target.cookies}"
    )
    _, _, ticket = headers.get("location", "").partition("&ticket=")
    _, _, content = await connection.send(
        f"GET /cas/p3/serviceValidate?service={service}&ticket={ticket} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{target.port}"
    )
    answer = content.decode()
    if "<cas:authenticationSuccess><cas:user>" not in answer or "<cas:name>" not in answer:
        raise RuntimeError(f"{target.name}: a ticket was answered with {answer[:200]}")
    return answer


async def saml_flow(connection: Connection, target: Target) -> str:
    """An AuthnRequest with the live session, and its signed assertion. Returns the page."""
    _, _, content = await connection.send(
        f"GET /saml/sso?SAMLRequest={_authn_request()} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Cookie: {target.cookies}"
    )
    page = content.decode()
    if 'name="SAMLResponse"' not in page or 'action="https://school.test/acs"' not in page:
        raise RuntimeError(f"{target.name}: an AuthnRequest was answered with {page[:200]}")
    return page


def _authn_request() -> str:
    """Made by `zlib` alone: what a service provider does is not what is measured."""
    saml = "urn:oasis:names:tc:SAML:2.0"
    xml = (
        f'<p:AuthnRequest xmlns:p="{saml}:protocol" xmlns:a="{saml}:assertion" ID="_{token_hex(16)}"'
        ' Version="2.0" IssueInstant="2026-01-01T00:00:00Z"><a:Issuer>https://school.test</a:Issuer>'
        "</p:AuthnRequest>"
    )
    deflated = zlib.compress(xml.encode(), wbits=-15)
    return quote(b64encode(deflated), safe="")


async def forward_auth_flow(connection: Connection, target: Target) -> str:
    """The question of a proxy about one request, with the visit that this connection holds."""
    if not connection.held:
        connection.held = await _visit(connection, target)
    status, headers, _ = await _ask_as_proxy(connection, "/forward-auth", connection.held)
    if status != 200 or not headers["x-auth-user"] or not headers["x-lienthong-identity"]:
        raise RuntimeError(f"{target.name}: forward-auth answered {status}")
    return connection.held


async def _visit(connection: Connection, target: Target) -> str:
    """The cookies of a protected host, from the live session."""
    status, began, _ = await _ask_as_proxy(connection, "/.lienthong/start?rd=/files", "a=b")
    browser = began["set-cookie"].partition(";")[0]
    state = urlsplit(began["location"])
    _, handed, _ = await connection.send(
        f"GET {state.path}?{state.query} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Cookie: {target.cookies}"
    )
    back = urlsplit(handed["location"])
    status, entered, _ = await _ask_as_proxy(connection, f"{back.path}?{back.query}", browser)
    if status != 303:
        raise RuntimeError(f"{target.name}: the hand-over was answered {status}")
    return entered["set-cookie"].partition(";")[0]


async def _ask_as_proxy(
    connection: Connection, path: str, cookies: str
) -> tuple[int, dict[str, str], bytes]:
    return await connection.send(
        f"GET {path} HTTP/1.1\r\nHost: gate\r\nX-Forwarded-Host: intranet.test\r\n"
        f"X-Forwarded-Uri: /files\r\nX-Forwarded-Method: GET\r\nCookie: {cookies}"
    )


async def _sign_on(connection: Connection, target: Target) -> dict[str, str]:
    """Authorize with the live session, then redeem the code."""
    query = (
        f"response_type=code&client_id={target.client_id}&scope=openid%20profile&state=s&nonce=n"
        f"&redirect_uri={quote(target.redirect_uri, safe='')}"
        f"&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
    status, headers, _ = await connection.send(
        f"GET {target.authorize}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Cookie: {target.cookies}"
    )
    code = parse_qs(urlsplit(headers.get("location", "")).query).get("code", [""])[0]
    if status not in (302, 303) or not code:
        raise RuntimeError(f"{target.name}: authorize answered {status} {headers.get('location')}")
    body = (
        f"grant_type=authorization_code&code={code}&code_verifier={VERIFIER}"
        f"&redirect_uri={quote(target.redirect_uri, safe='')}"
    )
    return await _ask_tokens(connection, target, body)


async def _ask_tokens(connection: Connection, target: Target, body: str) -> dict[str, str]:
    return await _post(connection, target, target.token, body)


async def _ask_userinfo(connection: Connection, target: Target, access_token: str) -> None:
    status, _, content = await connection.send(
        f"GET {target.userinfo} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Bearer {access_token}"
    )
    claims = json.loads(content) if status == 200 else {}
    if not claims.get("sub") or not claims.get("name"):
        raise RuntimeError(f"{target.name}: userinfo answered {status} {content[:200]!r}")


async def _post(connection: Connection, target: Target, path: str, body: str) -> dict[str, str]:
    status, _, content = await connection.send(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Basic {target.basic}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}",
        body,
    )
    if status != 200:
        raise RuntimeError(f"{target.name}: {path} answered {status} {content[:200]!r}")
    return dict(json.loads(content))
