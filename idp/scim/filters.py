"""How a filter is answered: by an index, or by looking at the connector's own resources. Pure.

Spec: RFC 7644 §3.4.2.2
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from scim2_models import InvalidFilterException, Resource, ScimFilter
from scim2_models.path import Comparison

from idp.authn.usernames import UsernameRefused, fold

MAX_FILTER = 1000
MAX_COMPARISONS = 20
SCANNED = 1000
"""How many resources a filter that no index answers may look at; past it the answer is `tooMany`."""


class By(Enum):
    """The attributes that have an index."""

    ID = "id"
    USER_NAME = "username"
    EXTERNAL_ID = "externalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """An index answers."""

    by: By
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Each of the connector's resources is held against the filter."""

    filter: "ScimFilter[Any]" = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    """No resource can match."""


Plan = Lookup | Scan | Nothing


def bounded_filter(text: str) -> str:
    """The filter, where it is short enough to be parsed at all.

    Raises: InvalidFilterException.
    """
    words = text.lower().split(" ")
    if len(text) > MAX_FILTER or words.count("and") + words.count("or") >= MAX_COMPARISONS:
        raise InvalidFilterException(detail="The filter is too long")
    return text


def plan(wanted: "ScimFilter[Any]", model: type[Resource[Any]]) -> Plan:
    """The cheapest way to answer a filter that was parsed for this model.

    A user name is looked up as the login folds it, so that twins are found and never doubled.
    """
    match wanted.ast:
        case Comparison(op="eq", value=str() as value) as comparison:
            path = comparison.attr_path
            own = path.uri is None or str(path.uri).lower() == str(model.__schema__).lower()
            indexed = {each.value for each in By} & {path.attr.lower()}
            if own and indexed and path.sub_attr is None:
                return _lookup(By(indexed.pop()), value)
        case _:
            pass
    return Scan(filter=wanted)


def _lookup(by: By, value: str) -> Plan:
    if by is not By.USER_NAME:
        return Lookup(by=by, value=value)
    try:
        return Lookup(by=by, value=fold(value))
    except UsernameRefused:
        return Nothing()
