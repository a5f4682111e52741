"""A portal in the way of those that sign people in through VNConnect today.

It sends no PKCE and no nonce, puts its secret into the body, asks userinfo by POST, checks no ID
token, and knows people by `TechID`; else by their number, once they prove the account that has it;
else not yet. Nothing of it is ours.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx


class ProofAsked(Exception):
    """The number belongs to an old account: its password is asked for, this one time."""


@dataclass
class Portal:
    """One portal. `host` is the only thing that a move changes."""

    host: str
    client_id: str
    client_secret: str
    callback: str
    by_tech_id: dict[str, str] = field(default_factory=dict)
    by_number: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The old accounts: their names and passwords, by the number on the id card."""
    content_type: str | None = "application/x-www-form-urlencoded"
    """What its library writes above an empty body: no two of them agree."""

    def login_address(self) -> str:
        query = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.callback,
            "scope": "openid", "acr_values": "LoA1",
        }  # fmt: skip
        return f"{self.host}/oauth2/authorize?{urlencode(query)}"

    def arrived(
        self, address: str, old_password: str | None = None
    ) -> tuple[str, dict[str, str], str]:
        """The browser came back: the portal's account, what it was told, and the ID token.

        Raises: ProofAsked.
        """
        code = parse_qs(urlsplit(address).query)["code"][0]
        with httpx.Client(trust_env=False, timeout=10) as http:
            tokens = http.post(f"{self.host}/oauth2/token", data={
                "grant_type": "authorization_code", "code": code, "redirect_uri": self.callback,
                "client_id": self.client_id, "client_secret": self.client_secret,
            }).json()  # fmt: skip
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            if self.content_type is not None:
                headers["Content-Type"] = self.content_type
            told = http.post(f"{self.host}/oauth2/userinfo", headers=headers).json()
        return self._account(told, old_password), told, tokens["id_token"]

    def logout_address(self, id_token: str) -> str:
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": f"{self.callback}/bye"}
        return f"{self.host}/oidc/logout?{urlencode(query)}"

    def _account(self, told: dict[str, str], old_password: str | None) -> str:
        known = self.by_tech_id.get(told["TechID"])
        if known is not None:
            return known
        account, password = self.by_number.get(told["SoDinhDanh"], ("", None))
        if password is None:
            account = f"dvc{len(self.by_tech_id) + 1}"
        elif password != old_password:
            raise ProofAsked
        self.by_tech_id[told["TechID"]] = account
        return account
