"""A portal that moved to us from VNConnect, beside the systems of `fixtures_world`."""

import httpx

from tests.fixtures_world import Browser
from tests.people import Person

CALLBACK = "https://moved.test/cb"
MOVED = """
[deep_links."H55.9"]
system = "moved"
start = "https://moved.test/nop-ho-so"
[clients.moved]
name = {{ vi = "Cổng đã chuyển", en = "Moved portal" }}
auth_method = "client_secret_post"
secrets = [{{ env = "SECRET_1" }}]
redirect_uris = ["https://moved.test/cb"]
post_logout_redirect_uris = ["https://moved.test/bye"]
pkce_required = false
id_token_alg = "RS256"
system = "moved"
consent = "implied"

[clients.neighbour]
name = {{ vi = "Cổng bên cạnh", en = "Neighbour" }}
auth_method = "client_secret_post"
secrets = [{{ env = "SECRET_2" }}]
redirect_uris = ["https://moved.test/cb"]
pkce_required = false
system = "moved"
consent = "implied"

[systems.moved]
name = {{ vi = "Cổng đã chuyển", en = "Moved portal" }}
owners = [{{ code = "H55.9", name = "Sở Tài chính", valid_from = 2025-07-01 }}]
level = "province"
dialect = "vnconnect"
when_unlinked = "not-needed"
claims = [
  {{ claim = "LoaiTaiKhoan", source = "account_kind", transform = "vnconnect_kind" }},
  {{ claim = "HoVaTen", source = "full_name" }},
  {{ claim = "SoCMND", source = "personal_number" }},
  {{ claim = "NgayThangNamSinh", source = "birthdate", transform = "yyyymmdd" }},
]
"""


def asked(**changes: str) -> dict[str, str]:
    """What such a portal sends, and no more."""
    query = {
        "response_type": "code", "client_id": "moved", "redirect_uri": CALLBACK,
        "scope": "openid", "acr_values": "LoA1",
    }  # fmt: skip
    return query | changes


async def came_back(
    browser: Browser, person: Person | None = None, **changes: str
) -> httpx.Response:
    """From the portal's redirect to the answer, signing in where that is asked for."""
    response = await browser.http.get("/oauth2/authorize", params=asked(**changes))
    return response if person is None else await browser.sign_in(person, response)
