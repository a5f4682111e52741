"""The LDAP front of the provider, opened where it is configured."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from idp.authn.throttle import Throttle
from idp.ldap.binds import Binds
from idp.ldap.compares import Compares
from idp.ldap.conversation import Front
from idp.ldap.listener import Listener
from idp.ldap.searches import Searches
from idp.store.app_passwords import SqlAppPasswords
from idp.store.directory_people import SqlDirectoryPeople
from idp.wiring.parts import Parts
from keys.blind import BlindIndex


@asynccontextmanager
async def ldap_front(parts: Parts) -> AsyncIterator[None]:
    """Listening, where `[ldap_view]` says so; else nothing."""
    table = parts.settings.tables.ldap_view
    if table is None:
        yield
        return
    stores, index = parts.stores, BlindIndex(parts.settings.keks[-1])
    people = SqlDirectoryPeople(stores.database, stores.sealer)
    context = table.context()
    binds = Binds(
        systems=tuple(parts.settings.systems.values()),
        passwords=SqlAppPasswords(stores.database, stores.sealer, index),
        people=people,
        throttle=Throttle(stores.counters, key=parts.throttle_key),
        counters=stores.counters,
        index=index,
        audit=parts.audit,
        clock=parts.clock,
        entropy=parts.entropy,
    )
    front = Front(
        binds=binds,
        searches=Searches(people, stores.sealer),
        compares=Compares(people),
        can_start_tls=context is not None,
        clear_text=table.clear_text,
    )
    listener = Listener(front, context)
    async with AsyncExitStack() as stack:
        if table.listen is not None:
            await stack.enter_async_context(listener.listening(table.listen, tls=False))
        if table.listen_tls is not None:
            await stack.enter_async_context(listener.listening(table.listen_tls, tls=True))
        yield
