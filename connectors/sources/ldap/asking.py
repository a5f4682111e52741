"""What a directory is asked, as messages; no text of a person ever becomes a part of a filter."""

from connectors.ldap.filters import IN_CHAIN, And, Equals, Matches
from connectors.ldap.messages import NO_ATTRIBUTES, BindRequest, Scope, SearchRequest
from connectors.ldap.names import below
from connectors.sources.ldap.directory import Directory, Groups

ONE_TOO_MANY = 2
"""Entries are asked for up to here: two are as bad as a thousand."""
SEARCH_SECONDS = 3
NOBODY = "nobody-5f0f7c1e-6a0d-4d0a-9d0e-2f6f0c1b7d35"
"""The name of an entry that no directory has."""


def as_service(directory: Directory) -> BindRequest:
    """We ourselves, before anybody is looked for."""
    return BindRequest(name=directory.service_name, password=directory.service_password)


def search_for(directory: Directory, username: str) -> SearchRequest:
    """The entry of this name. The name is an octet string in the message: nothing is escaped,
    because nothing is ever read again.
    """
    return SearchRequest(
        base=directory.base,
        scope=Scope.SUBTREE,
        filter=And(
            (
                Equals("objectClass", directory.object_class.encode()),
                Equals(directory.username_attribute, username.encode()),
            )
        ),
        attributes=(
            directory.username_attribute,
            directory.id_attribute,
            "userAccountControl",
            *directory.attributes.values(),
        ),
        size_limit=ONE_TOO_MANY,
        time_limit_seconds=SEARCH_SECONDS,
    )


def as_person(name: str, password: str) -> BindRequest:
    """The person of an entry.

    Why: a bind with an empty password is an anonymous one, and every directory grants it: it proves
    nothing (RFC 4513 §5.1.2).

    Raises: ValueError for an empty name or password.
    """
    if not name or not password:
        raise ValueError("an anonymous bind proves nothing")
    return BindRequest(name=name, password=password.encode())


def as_nobody(directory: Directory, password: str) -> BindRequest:
    """A name that no entry has: an unknown person costs the directory what a known one does."""
    return as_person(below(directory.base, "cn", NOBODY), password)


def membership(groups: Groups, group: str, person: str) -> SearchRequest:
    """Whether the group has this member: asked at the group, which every directory knows.

    Shape: one entry or none. Under groups in groups, Active Directory follows the chain.
    """
    member = person.encode()
    nested = Matches(attribute="member", rule=IN_CHAIN, value=member)
    return SearchRequest(
        base=group,
        scope=Scope.BASE,
        filter=nested if groups.nested else Equals("member", member),
        attributes=(NO_ATTRIBUTES,),
        size_limit=ONE_TOO_MANY,
        time_limit_seconds=SEARCH_SECONDS,
    )
