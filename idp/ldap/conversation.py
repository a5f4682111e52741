"""One connection's conversation: a message in, messages out, and who is believed meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from connectors.errors import LdapRefused
from connectors.ldap.filters import Filter
from connectors.ldap.messages import (
    NOTICE_OF_DISCONNECTION,
    PAGED_RESULTS,
    START_TLS,
    WHO_AM_I,
    BindRequest,
    BindResponse,
    CompareRequest,
    Control,
    ExtendedRequest,
    ExtendedResponse,
    Message,
    Operation,
    OtherOperation,
    OtherResponse,
    Scope,
    SearchDone,
    SearchRequest,
    UnbindRequest,
)
from connectors.ldap.paging import Page, page_of
from connectors.ldap.results import SUCCESS, Result, ResultCode
from connectors.systems.ldap_view.entries import SCHEMA_NAME, Entry, person_name, service_name
from connectors.systems.ldap_view.matching import fits
from connectors.systems.ldap_view.selection import selected
from connectors.systems.ldap_view.server_entries import root_entry, schema_entry
from idp.ldap.binds import Binds
from idp.ldap.bounds import MAX_FAILED_BINDS
from idp.ldap.caller import Anonymous, BoundPerson, BoundSystem, Caller
from idp.ldap.compares import Compares
from idp.ldap.searches import Found, Searches, refused

_WRITES = {6: "modify", 8: "add", 10: "delete", 12: "rename"}
_ABANDON = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back, and what becomes of the connection then."""

    messages: tuple[Message, ...] = ()
    starts_tls: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What all conversations share."""

    binds: Binds
    searches: Searches
    compares: Compares
    can_start_tls: bool
    clear_text: bool
    """Whether passwords may come without TLS: on loopback alone."""


class Conversation:
    """Answers one message after the other; knows no socket."""

    def __init__(self, front: Front, address: str, *, secure: bool) -> None:
        self._front = front
        self._address = address
        self.secure = secure
        self.caller: Caller = Anonymous()
        self.proved_once = False
        self._failed = 0

    async def answer(self, message: Message) -> Reply:
        """What is said to one message.

        Spec: RFC 4511 §4.1.11 (a critical control that is unknown stops the operation)
        """
        operation = message.operation
        if message.number == 0:
            return disconnection(ResultCode.PROTOCOL_ERROR)
        if isinstance(operation, UnbindRequest):
            return Reply(ends=True)
        if any(control.critical and not _known(control, operation) for control in message.controls):
            result = Result(code=ResultCode.UNAVAILABLE_CRITICAL_EXTENSION)
            return _with_result(message, operation, result)
        match operation:
            case BindRequest():
                return await self._bind(message.number, operation)
            case SearchRequest():
                return await self._search(message, operation)
            case CompareRequest():
                return _one(message.number, await self._compare(operation))
            case ExtendedRequest():
                return self._extended(message.number, operation)
            case OtherOperation(tag) if tag == _ABANDON:
                return Reply()  # each search has ended before the next message is read
            case OtherOperation(tag) if tag in _WRITES:
                text = "this view is only read"
                result = Result(code=ResultCode.UNWILLING_TO_PERFORM, text=text)
                return _with_result(message, operation, result)
            case _:
                return disconnection(ResultCode.PROTOCOL_ERROR)

    async def _bind(self, number: int, request: BindRequest) -> Reply:
        """Whoever binds anew is nobody until it has gone well.

        Spec: RFC 4513 §5.1, §4
        """
        self.caller = Anonymous()
        if request.password and not self.secure and not self._front.clear_text:
            outcome: Caller | Result = Result(code=ResultCode.CONFIDENTIALITY_REQUIRED)
        else:
            outcome = await self._front.binds.bind(request, self._address)
        if isinstance(outcome, Result):
            self._failed += 1
            response = _message(number, BindResponse(result=outcome))
            ends = self._failed >= MAX_FAILED_BINDS
            return Reply(messages=(response,), ends=ends)
        self.caller = outcome
        if not isinstance(outcome, Anonymous):
            self.proved_once, self._failed = True, 0
        return _one(number, BindResponse(result=SUCCESS))

    async def _search(self, message: Message, request: SearchRequest) -> Reply:
        try:
            page = page_of(message)
        except LdapRefused:
            return _one(message.number, SearchDone(result=Result(code=ResultCode.PROTOCOL_ERROR)))
        found = await self._found(request, page)
        entries = tuple(
            _message(message.number, selected(entry, request)) for entry in found.entries
        )
        controls: tuple[Control, ...] = ()
        if page is not None:
            controls = (Page(size=0, cookie=found.cookie).control(critical=False),)
        done = Message(
            number=message.number, operation=SearchDone(result=found.result), controls=controls
        )
        return Reply(messages=(*entries, done))

    async def _found(self, request: SearchRequest, page: Page | None) -> Found:
        """The root DSE for everybody; all else for who has bound, in their own tree."""
        caller = self.caller
        settings = None if isinstance(caller, Anonymous) else caller.settings
        if not request.base.strip() and request.scope is Scope.BASE:
            entry = root_entry(settings, can_start_tls=self._front.can_start_tls)
            return _server_entry(entry, request.filter)
        if isinstance(caller, Anonymous):
            return refused(ResultCode.INSUFFICIENT_ACCESS_RIGHTS, "bind first")
        if request.base.strip().lower() == SCHEMA_NAME and request.scope is Scope.BASE:
            return _server_entry(schema_entry(), request.filter)
        return await self._front.searches.search(caller, request, page)

    async def _compare(self, request: CompareRequest) -> Operation:
        if isinstance(self.caller, Anonymous):
            code = ResultCode.INSUFFICIENT_ACCESS_RIGHTS
        else:
            code = await self._front.compares.compare(self.caller, request)
        return OtherResponse(tag=15, result=Result(code=code))

    def _extended(self, number: int, request: ExtendedRequest) -> Reply:
        if request.name == WHO_AM_I and request.value is None:
            return _one(number, ExtendedResponse(result=SUCCESS, value=self._who().encode()))
        if request.name == START_TLS and request.value is None and self._front.can_start_tls:
            return self._start_tls(number)
        result = Result(code=ResultCode.PROTOCOL_ERROR, text="no such extended operation here")
        return _one(number, ExtendedResponse(result=result))

    def _start_tls(self, number: int) -> Reply:
        """Nobody is believed any more for what was said in the clear.

        Spec: RFC 4511 §4.14; RFC 4513 §3.1
        """
        if self.secure:
            result = Result(code=ResultCode.OPERATIONS_ERROR, text="TLS is there already")
            return _one(number, ExtendedResponse(result=result, name=START_TLS))
        self.caller = Anonymous()
        ready = _message(number, ExtendedResponse(result=SUCCESS, name=START_TLS))
        return Reply(messages=(ready,), starts_tls=True)

    def _who(self) -> str:
        """Spec: RFC 4532 §2.2, RFC 4513 §5.2.1.8."""
        match self.caller:
            case Anonymous():
                return ""
            case BoundSystem(settings=settings):
                return f"dn:{service_name(settings)}"
            case BoundPerson(settings=settings, account=account):
                return f"dn:{person_name(settings, account)}"


def disconnection(code: ResultCode) -> Reply:
    """The connection ends, and the other side is told why.

    Spec: RFC 4511 §4.4.1
    """
    notice = ExtendedResponse(result=Result(code=code), name=NOTICE_OF_DISCONNECTION)
    return Reply(messages=(_message(0, notice),), ends=True)


def _known(control: Control, operation: Operation) -> bool:
    return control.oid == PAGED_RESULTS and isinstance(operation, SearchRequest)


def _server_entry(entry: Entry, wanted: Filter) -> Found:
    return Found((entry,) if fits(wanted, entry) else ())


def _message(number: int, operation: Operation) -> Message:
    return Message(number=number, operation=operation)


def _one(number: int, operation: Operation) -> Reply:
    return Reply(messages=(_message(number, operation),))


_ANSWERED_BY: tuple[tuple[type, Callable[[Result], Operation]], ...] = (
    (BindRequest, lambda result: BindResponse(result=result)),
    (SearchRequest, lambda result: SearchDone(result=result)),
    (ExtendedRequest, lambda result: ExtendedResponse(result=result)),
    (CompareRequest, lambda result: OtherResponse(tag=15, result=result)),
)


def _with_result(message: Message, operation: Operation, result: Result) -> Reply:
    """A result in the response that belongs to this request."""
    if isinstance(operation, OtherOperation):
        if operation.tag not in _WRITES:
            return Reply() if operation.tag == _ABANDON else disconnection(result.code)
        return _one(message.number, OtherResponse(tag=operation.tag + 1, result=result))
    for kind, make in _ANSWERED_BY:
        if isinstance(operation, kind):
            return _one(message.number, make(result))
    return disconnection(ResultCode.PROTOCOL_ERROR)
