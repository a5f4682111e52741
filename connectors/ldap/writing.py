"""From a message to its bytes."""

from typing import Any

from pyasn1.type import univ

from connectors.ldap import schema
from connectors.ldap.ber import context, wrapped
from connectors.ldap.filter_codec import written_filter
from connectors.ldap.messages import (
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
    SearchDone,
    SearchEntry,
    SearchReference,
    SearchRequest,
    UnbindRequest,
)
from connectors.ldap.pyasn1_door import encoded
from connectors.ldap.results import Result

_SEQUENCE = 0x30
_UNBIND = bytes((0x42, 0x00))


def write(message: Message) -> bytes:
    """The message as bytes.

    Spec: RFC 4511 §4.1.1
    Raises: ValueError for an operation that we have no words for, and for SASL.
    """
    parts = [encoded(univ.Integer(message.number)), _operation(message.operation)]
    if message.controls:
        parts.append(wrapped(context(0), map(_control, message.controls)))
    return wrapped(_SEQUENCE, parts)


def _operation(operation: Operation) -> bytes:
    match operation:
        case UnbindRequest():
            return _UNBIND
        case CompareRequest():
            return encoded(_compare_request(operation))
        case OtherResponse(tag=tag, result=result):
            return encoded(_with_result(schema.OTHER_RESPONSES[tag](), result))
        case OtherOperation():
            raise ValueError("an operation that is only ever read")
        case BindRequest() | SearchRequest() | ExtendedRequest():
            return encoded(_request(operation))
        case _:
            return encoded(_response(operation))


def _request(operation: BindRequest | SearchRequest | ExtendedRequest) -> Any:
    match operation:
        case BindRequest():
            return _bind_request(operation)
        case SearchRequest():
            return _search_request(operation)
        case ExtendedRequest():
            return _extended_request(operation)


def _response(
    operation: BindResponse | SearchEntry | SearchReference | SearchDone | ExtendedResponse,
) -> Any:
    match operation:
        case BindResponse(result=result):
            return _with_result(schema.BindResponse(), result)
        case SearchEntry():
            return _entry(operation)
        case SearchReference(addresses=addresses):
            value = schema.SearchResultReference()
            value.extend(address.encode() for address in addresses)
            return value
        case SearchDone(result=result):
            return _with_result(schema.SearchResultDone(), result)
        case ExtendedResponse():
            return _extended_response(operation)


def _bind_request(operation: BindRequest) -> Any:
    if operation.password is None:
        raise ValueError("only simple binds are written")
    value = schema.BindRequest()
    value["version"], value["name"] = operation.version, operation.name.encode()
    value["authentication"]["simple"] = operation.password
    return value


def _search_request(operation: SearchRequest) -> Any:
    value = schema.SearchRequest()
    value["baseObject"], value["scope"] = operation.base.encode(), int(operation.scope)
    value["derefAliases"], value["sizeLimit"] = int(operation.aliases), operation.size_limit
    value["timeLimit"], value["typesOnly"] = operation.time_limit_seconds, operation.types_only
    value["filter"] = univ.Any(written_filter(operation.filter))
    value["attributes"].clear()
    value["attributes"].extend(name.encode() for name in operation.attributes)
    return value


def _compare_request(operation: CompareRequest) -> Any:
    value = schema.CompareRequest()
    value["entry"] = operation.entry.encode()
    value["ava"]["attributeDesc"] = operation.attribute.encode()
    value["ava"]["assertionValue"] = operation.value
    return value


def _entry(operation: SearchEntry) -> Any:
    value = schema.SearchResultEntry()
    value["objectName"] = operation.name.encode()
    value["attributes"].clear()
    for at, attribute in enumerate(operation.attributes):
        value["attributes"][at]["type"] = attribute.name.encode()
        value["attributes"][at]["vals"].clear()
        value["attributes"][at]["vals"].extend(attribute.values)
    return value


def _with_result(value: Any, result: Result) -> Any:
    value["resultCode"], value["matchedDN"] = int(result.code), result.matched.encode()
    value["errorMessage"] = result.text.encode()
    if result.referrals:
        value["referral"].extend(address.encode() for address in result.referrals)
    return value


def _extended_request(operation: ExtendedRequest) -> Any:
    value = schema.ExtendedRequest()
    value["requestName"] = operation.name.encode()
    if operation.value is not None:
        value["requestValue"] = operation.value
    return value


def _extended_response(operation: ExtendedResponse) -> Any:
    value = _with_result(schema.ExtendedResponse(), operation.result)
    if operation.name is not None:
        value["responseName"] = operation.name.encode()
    if operation.value is not None:
        value["response"] = operation.value
    return value


def _control(control: Control) -> bytes:
    value = schema.Control()
    value["controlType"], value["criticality"] = control.oid.encode(), control.critical
    if control.value is not None:
        value["controlValue"] = control.value
    return encoded(value)
