"""Asking the system itself."""

import httpx

from connectors.contract import AccountId, CannotCheck, NotProven, ProofOutcome, Proven

TIMEOUT_SECONDS = 3.0
MAX_ANSWER = 64 * 1024
MAX_ACCOUNT = 256


class HttpVerifier:
    """POST `{"account", "password"}` as JSON with a bearer secret to the configured address.

    200 with `{"account": …}` proves; 403 does not; anything else proves nothing either way.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, secret: str) -> None:
        self._client = client
        self._url = url
        self._secret = secret

    async def prove(self, account_name: str, password: str) -> ProofOutcome:
        """See `AccountVerifier.prove`."""
        try:
            response = await self._client.post(
                self._url,
                json={"account": account_name, "password": password},
                headers={"authorization": f"Bearer {self._secret}"},
                timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            )
            if response.status_code == httpx.codes.FORBIDDEN:
                return NotProven()
            if response.status_code != httpx.codes.OK or len(response.content) > MAX_ANSWER:
                return CannotCheck(f"status {response.status_code}")
            account = response.json().get("account")
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            return CannotCheck(type(error).__name__)
        if not isinstance(account, str) or not 0 < len(account) <= MAX_ACCOUNT:
            return CannotCheck("answer without account")
        return Proven(AccountId(account))
