"""Signing in with a name and a password that a directory of staff proves."""

import asyncio

from connectors.errors import UpstreamRefused
from connectors.sources.ldap.directory import Directory
from connectors.sources.ldap.verdicts import Verdict
from connectors.sources.model import UpstreamIdentity
from idp.authn.directory_client import DirectoryClient, Unproved
from idp.authn.password import PasswordRefused, prepare
from idp.authn.throttle import Attempt, Throttle
from idp.authn.upstream_health import UpstreamHealth
from idp.authn.upstream_keys import UpstreamSilent
from idp.authn.usernames import UsernameRefused, fold
from idp.flows.upstream_arrival import Outcome, UpstreamArrival

REFUSALS_EVERY_SECONDS = 0.5


class DirectorySignIn:
    """Between our page and our session. Guesses count where the guesses at our own accounts count."""

    def __init__(
        self,
        *,
        client: DirectoryClient,
        throttle: Throttle,
        health: UpstreamHealth,
        arrival: UpstreamArrival,
    ) -> None:
        self._client = client
        self._throttle = throttle
        self._health = health
        self._arrival = arrival

    async def prove(
        self, directory: Directory, username: str, password: str, address: str, now: int
    ) -> Outcome | Unproved:
        """The person in our own records, or why not.

        Why the wait: a refusal leaves at a full half second after its beginning, so that how long a
        directory looked for a name, or hashed a password, tells nothing.

        Raises: TooManyAttempts, UpstreamRefused, UpstreamSilent.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            folded = fold(username)
            prepare(password)
        except (UsernameRefused, PasswordRefused):
            return Verdict.NOT_PROVED
        admission = await self._throttle.admit(Attempt(folded_username=folded, address=address))
        try:
            found = await self._asked(directory, folded, password, now)
        except (UpstreamSilent, UpstreamRefused):
            await self._throttle.unjudged(admission)
            raise
        if isinstance(found, UpstreamIdentity):
            await self._throttle.succeeded(admission)
            return await self._arrival.recognised(directory, found, now)
        await asyncio.sleep(REFUSALS_EVERY_SECONDS - (clock() - began) % REFUSALS_EVERY_SECONDS)
        return found

    async def _asked(
        self, directory: Directory, username: str, password: str, now: int
    ) -> UpstreamIdentity | Unproved:
        self._health.going(directory.source_id)
        try:
            found = await self._client.prove(directory, username, password, now)
        except UpstreamSilent:
            self._health.failed(directory.source_id)
            raise
        except UpstreamRefused:
            self._health.answered(directory.source_id)
            raise
        self._health.answered(directory.source_id)
        return found
