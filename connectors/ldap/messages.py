"""Every LDAP message that we write or read, as a value."""

from dataclasses import dataclass, field
from enum import IntEnum

from connectors.ldap.filters import Filter
from connectors.ldap.results import Result

START_TLS = "1.3.6.1.4.1.1466.20037"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"
PAGED_RESULTS = "1.2.840.113556.1.4.319"
NO_ATTRIBUTES = "1.1"


class Scope(IntEnum):
    """How far below its base a search goes."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2


class Aliases(IntEnum):
    """When a search follows aliases."""

    NEVER = 0
    IN_SEARCHING = 1
    FINDING_BASE = 2
    ALWAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BindRequest:
    """Who wants to be believed. The password is None where it is not a simple bind.

    Spec: RFC 4511 §4.2
    """

    name: str
    password: bytes | None = field(repr=False)
    version: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BindResponse:
    """Spec: RFC 4511 §4.2.2."""

    result: Result


@dataclass(frozen=True, slots=True)
class UnbindRequest:
    """The end of the conversation; it has no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """Spec: RFC 4511 §4.5.1."""

    base: str
    scope: Scope
    filter: Filter
    attributes: tuple[str, ...] = ()
    aliases: Aliases = Aliases.NEVER
    size_limit: int = 0
    time_limit_seconds: int = 0
    types_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute of an entry; its values are octets."""

    name: str
    values: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEntry:
    """Spec: RFC 4511 §4.5.2."""

    name: str = field(repr=False)
    attributes: tuple[Attribute, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReference:
    """Where the other side would have us go on: we never do."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDone:
    """The end of a search."""

    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """Whether an entry has a value.

    Spec: RFC 4511 §4.10
    """

    entry: str = field(repr=False)
    attribute: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedRequest:
    """Spec: RFC 4511 §4.12."""

    name: str
    value: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedResponse:
    """Spec: RFC 4511 §4.12."""

    result: Result
    name: str | None = None
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class OtherOperation:
    """An operation of LDAP that we neither ask for nor serve: its application tag, no more."""

    tag: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherResponse:
    """The answer to a compare, or to a write that we do not serve: its application tag, a result."""

    tag: int
    result: Result


Operation = (
    BindRequest
    | BindResponse
    | UnbindRequest
    | SearchRequest
    | SearchEntry
    | SearchReference
    | SearchDone
    | CompareRequest
    | ExtendedRequest
    | ExtendedResponse
    | OtherOperation
    | OtherResponse
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Spec: RFC 4511 §4.1.11."""

    oid: str
    critical: bool = False
    value: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: its number ties an answer to a request; 0 is nobody's request.

    Spec: RFC 4511 §4.1.1
    """

    number: int
    operation: Operation
    controls: tuple[Control, ...] = ()
