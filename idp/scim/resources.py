"""The resources as SCIM shows them: exactly what is kept, and nothing that a register may not say.

Spec: RFC 7643 §4.1, §4.2, §8.7

Why a schema of our own: the full one of the RFC lets a client write roles, entitlements and
certificates. What is not kept is not declared, so that a client learns it at once; what the
provider alone decides is declared read-only.
"""

from typing import Annotated, Any

from pydantic import EmailStr, Field
from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Mutability,
    Reference,
    Required,
    Resource,
    Returned,
    Uniqueness,
)


class Name(ComplexAttribute):
    """The parts of a name. We keep one full name; how it is made of them says `staff.full_name`."""

    formatted: str | None = None
    family_name: str | None = None
    middle_name: str | None = None
    given_name: str | None = None


class Email(ComplexAttribute):
    """An address that nobody has verified: the register's word proves nothing."""

    value: EmailStr | None = None
    type: str | None = None
    primary: bool | None = None


class PhoneNumber(ComplexAttribute):
    """A number that nobody has verified."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class GroupMembership(ComplexAttribute):
    """A group that a user is in; changed through the group alone (RFC 7643 §4.1.2)."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    ref: Annotated[Reference["Group"] | None, Mutability.read_only] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class Role(ComplexAttribute):
    """Roles are given in the provider, never by a register."""

    value: Annotated[str | None, Mutability.read_only] = None


class User(Resource[Any]):
    """A staff account."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: Name | None = None
    display_name: str | None = None
    title: str | None = None
    user_type: str | None = None
    preferred_language: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    phone_numbers: list[PhoneNumber] | None = None
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None
    roles: Annotated[list[Role] | None, Mutability.read_only] = None


class UserWithPassword(User):
    """A staff account, for a register that may set passwords."""

    __schema__ = User.__schema__

    password: Annotated[str | None, Mutability.write_only, Returned.never, CaseExact.true] = None


class GroupMember(ComplexAttribute):
    """A user of the same connector. `$ref` is made here; one that is sent must say the same."""

    value: Annotated[str | None, Mutability.immutable, Required.true, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class Group(Resource[Any]):
    """A group of staff accounts."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[GroupMember] | None = None
