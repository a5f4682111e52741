"""Asking the system itself."""

import asyncio
import json

import httpx

from connectors.contract import AccountId, CannotCheck, NotProven, ProofOutcome, Proven
from connectors.verifiers.trust import is_account_id

TIMEOUT_SECONDS = 3.0
MAX_ANSWER = 64 * 1024


class HttpVerifier:
    """POST `{"account", "password"}` as JSON with a bearer secret to the configured address.

    200 with `{"account": …}` proves that account; 403 does not; anything else proves nothing either way.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, secret: str) -> None:
        self._client = client
        self._url = url
        self._secret = secret

    async def prove(self, account_name: str, password: str) -> ProofOutcome:
        """See `AccountVerifier.prove`."""
        try:
            status, body = await self._ask(account_name, password)
            if status == httpx.codes.FORBIDDEN:
                return NotProven()
            if status != httpx.codes.OK or len(body) > MAX_ANSWER:
                return CannotCheck(f"status {status}")
            account = json.loads(body).get("account")
        except (httpx.HTTPError, ValueError, AttributeError, RecursionError, TimeoutError) as error:
            return CannotCheck(type(error).__name__)
        if not is_account_id(account):
            return CannotCheck("answer without account")
        return Proven(AccountId(account))

    async def _ask(self, account_name: str, password: str) -> tuple[int, bytes]:
        """Status and body; no more than the cap and one chunk is ever held."""
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            self._client.stream(
                "POST",
                self._url,
                json={"account": account_name, "password": password},
                headers={"authorization": f"Bearer {self._secret}"},
                timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            ) as response,
        ):
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    break
            return response.status_code, body
