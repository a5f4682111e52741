"""From a frame to a message: bounded first, then decoded, and refused with one error only."""

from collections.abc import Callable
from typing import Any

from connectors.errors import LdapRefused
from connectors.ldap import schema
from connectors.ldap.ber import Element, application, children, context, whole
from connectors.ldap.filter_codec import read_filter
from connectors.ldap.messages import (
    Aliases,
    Attribute,
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
    SearchEntry,
    SearchReference,
    SearchRequest,
    UnbindRequest,
)
from connectors.ldap.pyasn1_door import decoded, text
from connectors.ldap.results import Result, ResultCode

_INTEGER, _SEQUENCE, _UNBIND, _CONTROLS = 0x02, 0x30, 0x42, context(0)
_APPLICATION_CLASS = 0x40
_MAX_INT = 2**31 - 1


def read(frame: bytes) -> Message:
    """The message that a frame is.

    Shape: elements after the known ones are passed over (extensibility); operations that we do not
    know come as `OtherOperation`, unread.

    Spec: RFC 4511 §4.1.1, §4
    Raises: LdapRefused, for every frame that is not a message, and nothing else.
    """
    root = whole(frame)
    parts = children(frame, root)
    if root.tag != _SEQUENCE or len(parts) < 2 or parts[0].tag != _INTEGER:
        raise LdapRefused("not a message")
    number = int.from_bytes(frame[parts[0].content : parts[0].end], "big", signed=True)
    if not 0 <= number <= _MAX_INT:
        raise LdapRefused("a message number that LDAP does not have")
    marked = [part for part in parts[2:] if part.tag == _CONTROLS]
    if len(marked) > 1:
        raise LdapRefused("controls twice")
    controls = tuple(_control(frame, part) for held in marked for part in children(frame, held))
    return Message(number=number, operation=_operation(frame, parts[1]), controls=controls)


def _operation(frame: bytes, element: Element) -> Operation:
    if element.tag == _UNBIND:
        return UnbindRequest()
    if element.tag & 0xC0 != _APPLICATION_CLASS:
        raise LdapRefused("a message without an operation")
    known = _KNOWN.get(element.tag)
    if known is None:
        return OtherOperation(element.tag & 0x1F)
    spec, make = known
    return make(decoded(frame[element.start : element.end], spec))


def _control(frame: bytes, element: Element) -> Control:
    value = decoded(frame[element.start : element.end], schema.Control())
    return Control(
        oid=text(value["controlType"]),
        critical=bool(value["criticality"]),
        value=_octets(value["controlValue"]),
    )


def _octets(value: Any) -> bytes | None:
    return bytes(value) if value.hasValue() else None


def _bind_request(value: Any) -> Operation:
    chosen = value["authentication"]
    simple = chosen.getName() == "simple"
    return BindRequest(
        name=text(value["name"]),
        password=bytes(chosen.getComponent()) if simple else None,
        version=int(value["version"]),
    )


def _search_request(value: Any) -> Operation:
    try:
        scope, aliases = Scope(int(value["scope"])), Aliases(int(value["derefAliases"]))
    except ValueError:
        raise LdapRefused("a scope that LDAP does not have") from None
    return SearchRequest(
        base=text(value["baseObject"]),
        scope=scope,
        aliases=aliases,
        size_limit=int(value["sizeLimit"]),
        time_limit_seconds=int(value["timeLimit"]),
        types_only=bool(value["typesOnly"]),
        filter=read_filter(bytes(value["filter"])),
        attributes=tuple(text(name) for name in value["attributes"]),
    )


def _entry(value: Any) -> Operation:
    return SearchEntry(
        name=text(value["objectName"]),
        attributes=tuple(
            Attribute(name=text(part["type"]), values=tuple(bytes(one) for one in part["vals"]))
            for part in value["attributes"]
        ),
    )


def _result(value: Any) -> Result:
    try:
        code = ResultCode(int(value["resultCode"]))
    except ValueError:
        code = ResultCode.OTHER
    referral = value["referral"]
    return Result(
        code=code,
        matched=text(value["matchedDN"]),
        text=text(value["errorMessage"]),
        referrals=tuple(text(one) for one in referral) if referral.hasValue() else (),
    )


def _compare_request(value: Any) -> Operation:
    assertion = value["ava"]
    return CompareRequest(
        entry=text(value["entry"]),
        attribute=text(assertion["attributeDesc"]),
        value=bytes(assertion["assertionValue"]),
    )


def _other_response(tag: int) -> Callable[[Any], Operation]:
    return lambda value: OtherResponse(tag=tag, result=_result(value))


def _extended_request(value: Any) -> Operation:
    return ExtendedRequest(name=text(value["requestName"]), value=_octets(value["requestValue"]))


def _extended_response(value: Any) -> Operation:
    name = _octets(value["responseName"])
    return ExtendedResponse(
        result=_result(value),
        name=None if name is None else text(name),
        value=_octets(value["response"]),
    )


_KNOWN: dict[int, tuple[Any, Callable[[Any], Operation]]] = {
    application(0): (schema.BindRequest(), _bind_request),
    application(1): (schema.BindResponse(), lambda value: BindResponse(result=_result(value))),
    application(3): (schema.SearchRequest(), _search_request),
    application(4): (schema.SearchResultEntry(), _entry),
    application(5): (schema.SearchResultDone(), lambda value: SearchDone(result=_result(value))),
    application(14): (schema.CompareRequest(), _compare_request),
    application(19): (
        schema.SearchResultReference(),
        lambda value: SearchReference(addresses=tuple(map(text, value))),
    ),
    application(23): (schema.ExtendedRequest(), _extended_request),
    application(24): (schema.ExtendedResponse(), _extended_response),
} | {
    application(tag): (response(), _other_response(tag))
    for tag, response in schema.OTHER_RESPONSES.items()
}
