"""A provider that registers push to: two connectors, one that is off, and one known by its client."""

import secrets
from typing import Any

import httpx
import pytest

from tests import fixtures_world
from tests.fixtures_world import SECRET_1, World, basic

SCIM = """
[clients.hr]
name = {{ vi = "Phần mềm nhân sự", en = "Personnel software" }}
secrets = [{{ env = "SECRET_1" }}]
grant_types = ["client_credentials"]
scopes = ["scim", "reports.read"]

[scim.connectors.r1]
tokens = [{{ env = "SCIM_K1" }}]
agency_code = "H55.1"

[scim.connectors.r2]
tokens = [{{ env = "SCIM_K2" }}]
sets_passwords = true

[scim.connectors.off]
tokens = [{{ env = "SCIM_OFF" }}]
disabled = true

[scim.connectors.r3]
client = "hr"
"""
TOKENS = {name: secrets.token_urlsafe(36) for name in ("SCIM_K1", "SCIM_K2", "SCIM_OFF")}
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


class Register:
    """A staff register that pushes by one token."""

    def __init__(self, world: World, token: str, **headers: str) -> None:
        self.world = world
        self.headers = {"authorization": f"Bearer {token}"} | headers

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.world.http.request(
            method, f"/scim/v2{path}", json=body, headers=self.headers | sent
        )

    async def create(self, username: str, **more: Any) -> httpx.Response:
        return await self.ask("POST", "/Users", {"schemas": [USER], "userName": username} | more)

    async def made(self, username: str, **more: Any) -> dict[str, Any]:
        response = await self.create(username, **more)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def group(self, name: str, *members: str) -> dict[str, Any]:
        listed = [{"value": each} for each in members]
        body = {"schemas": [GROUP], "displayName": name, "members": listed}
        response = await self.ask("POST", "/Groups", body)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> httpx.Response:
        body = {"schemas": [PATCH], "Operations": list(operations)}
        return await self.ask("PATCH", path, body, **headers)

    async def found(self, filter_text: str, place: str = "/Users") -> list[dict[str, Any]]:
        response = await self.world.http.get(
            f"/scim/v2{place}", params={"filter": filter_text}, headers=self.headers
        )
        assert response.status_code == 200, response.text
        return list(response.json()["Resources"])


@pytest.fixture
def scim_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration of the world with connectors in it; asked for before the world is made."""
    monkeypatch.setattr(fixtures_world, "CONFIG", fixtures_world.CONFIG + SCIM)
    for name, token in TOKENS.items():
        monkeypatch.setitem(fixtures_world.ENVIRONMENT, name, token)


@pytest.fixture
def k1(scim_config: None, world: World) -> Register:
    return Register(world, TOKENS["SCIM_K1"])


@pytest.fixture
def k2(scim_config: None, world: World) -> Register:
    return Register(world, TOKENS["SCIM_K2"])


async def client_token(world: World, scope: str) -> str:
    response = await world.http.post(
        "/token",
        data={"grant_type": "client_credentials", "scope": scope},
        headers=basic("hr", SECRET_1),
    )
    assert response.status_code == 200, response.text
    return str(response.json()["access_token"])
