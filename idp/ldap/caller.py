"""Who is at the other end of a connection, as far as has been proved on it."""

from dataclasses import dataclass, field

from connectors.contract import AccountId
from connectors.registry import LdapViewSettings, System


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody in particular: sees what the server is, and nothing in it."""


@dataclass(frozen=True, slots=True)
class BoundSystem:
    """The system itself, by its secret: sees its own tree. Only `binds` makes one."""

    system: System
    settings: LdapViewSettings


@dataclass(frozen=True, slots=True)
class BoundPerson:
    """A person, by an app password: sees their own entry. Only `binds` makes one."""

    system: System
    settings: LdapViewSettings
    account: AccountId = field(repr=False)


Caller = Anonymous | BoundSystem | BoundPerson
