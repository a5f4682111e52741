"""Asking a directory whether a person is who they say: found as one entry, then bound as that entry."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal

from connectors.errors import LdapRefused, LdapSilent, UpstreamRefused
from connectors.ldap.dialogue import Dialogue, Stream
from connectors.ldap.messages import SearchEntry
from connectors.ldap.results import ResultCode
from connectors.sources.ldap.asking import (
    as_nobody,
    as_person,
    as_service,
    membership,
    search_for,
)
from connectors.sources.ldap.directory import Directory, Groups, Place
from connectors.sources.ldap.entries import disabled, identity_of, usernames_of
from connectors.sources.ldap.verdicts import Verdict, verdict_of
from connectors.sources.model import UpstreamIdentity
from idp.authn.upstream_keys import UpstreamSilent
from idp.authn.usernames import UsernameRefused, fold

SECONDS = 5.0
"""For the whole exchange, whatever of it is slow."""
Unproved = Literal[
    Verdict.NOT_PROVED, Verdict.CLOSED, Verdict.PASSWORD_EXPIRED, Verdict.NOT_A_MEMBER
]
Connect = Callable[[Place], AbstractAsyncContextManager[Stream]]


class DirectoryClient:
    """One connection for each sign-in: what one person proved can never be another's answer."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def prove(
        self, directory: Directory, username: str, password: str, now: int
    ) -> UpstreamIdentity | Unproved:
        """Who the person is, or why that is not proved. The name is folded, the password not empty.

        Raises: UpstreamRefused, UpstreamSilent.
        """
        try:
            async with asyncio.timeout(SECONDS), self._connect(directory.place) as stream:
                found = await self._proved(Dialogue(stream), directory, username, password, now)
        except (LdapSilent, TimeoutError):
            raise UpstreamSilent("the directory does not answer") from None
        except LdapRefused as refused:
            raise UpstreamRefused(str(refused)) from None
        if found is Verdict.SILENT or found is Verdict.PROVED:
            raise UpstreamSilent("the directory cannot say now")
        return found

    async def _proved(
        self, dialogue: Dialogue, directory: Directory, username: str, password: str, now: int
    ) -> UpstreamIdentity | Verdict:
        await _served(dialogue, directory)
        entry = await _found(dialogue, directory, username)
        if entry is None:
            verdict = verdict_of(await dialogue.bind(as_nobody(directory, password)))
            return Verdict.SILENT if verdict is Verdict.SILENT else Verdict.NOT_PROVED
        verdict = verdict_of(await dialogue.bind(as_person(entry.name, password)))
        if verdict is not Verdict.PROVED:
            return verdict
        if disabled(entry):
            return Verdict.CLOSED
        identity = identity_of(directory, entry, now)
        if directory.groups is not None:
            await _served(dialogue, directory)
            if not await _is_member(dialogue, directory.groups, entry.name):
                return Verdict.NOT_A_MEMBER
        return identity


async def _served(dialogue: Dialogue, directory: Directory) -> None:
    """Bound as ourselves.

    Why: a directory that does not know us is of no use to anybody, so it counts as an outage.
    """
    if verdict_of(await dialogue.bind(as_service(directory))) is not Verdict.PROVED:
        raise UpstreamSilent("the directory does not take the service account")


async def _found(dialogue: Dialogue, directory: Directory, username: str) -> SearchEntry | None:
    """The one entry of this very name.

    Why: a directory takes names for equal that our counters do not (with other accents or spaces);
    whoever tries them would have as many guesses as there are spellings.
    """
    entries, result = await dialogue.search(search_for(directory, username))
    if len(entries) > 1 or result.code is ResultCode.SIZE_LIMIT_EXCEEDED:
        raise UpstreamRefused("ambiguous")
    if result.code not in (ResultCode.SUCCESS, ResultCode.NO_SUCH_OBJECT):
        raise UpstreamSilent("the directory does not search")
    if not entries or not entries[0].name:
        return None
    own = usernames_of(directory, entries[0])
    return entries[0] if any(_folded(name) == username for name in own) else None


async def _is_member(dialogue: Dialogue, groups: Groups, person: str) -> bool:
    for group in groups.names:
        entries, _ = await dialogue.search(membership(groups, group, person))
        if entries:
            return True
    return False


def _folded(name: str) -> str | None:
    try:
        return fold(name)
    except UsernameRefused:
        return None
