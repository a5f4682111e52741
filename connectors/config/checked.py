"""A table of a file against its model: the checked table, and every mistake in it at once."""

import copy
import difflib
import json
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from connectors.config.problems import Place, Problem
from connectors.config.surroundings import Surroundings
from connectors.config.wording import expected

Path = tuple[int | str, ...]


class Table(BaseModel):
    """A table of the configuration: unknown keys and values of another type are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Model = TypeVar("_Model", bound=Table)


@dataclass(frozen=True, slots=True)
class Entry:
    """A table as it stands in a file, not checked yet."""

    place: Place
    table: object = field(repr=False)


def checked(
    model: type[_Model], entry: Entry, surroundings: Surroundings, found: list[Problem]
) -> _Model | None:
    """The table where it can be read; every mistake is added to `found`.

    Why: a key that nobody knows is told and then left out, so that it hides no other mistake.
    """
    try:
        return _validated(model, entry.table, surroundings)
    except ValidationError as error:
        mistakes = _own_mistakes(error)
    found += [_problem(model, entry.place, item) for item in mistakes]
    unknown = [item["loc"] for item in mistakes if item["type"] == "extra_forbidden"]
    if len(unknown) < len(mistakes):
        return None
    return _validated(model, _without(entry.table, unknown), surroundings)


def _validated(model: type[_Model], table: object, surroundings: Surroundings) -> _Model:
    # As JSON: there pydantic is strict about types, and still makes lists and names into ours.
    text = json.dumps(table, default=str)
    return model.model_validate_json(text, context=surroundings)


def _problem(model: type[Table], place: Place, item: ErrorDetails) -> Problem:
    if item["type"] == "extra_forbidden":
        return place.at(*item["loc"]).problem("no such key" + _did_you_mean(model, item["loc"]))
    return place.at(*item["loc"]).problem(expected(item))


def _own_mistakes(error: ValidationError) -> list[ErrorDetails]:
    """Without the lists that only look too short because an entry of theirs is mistaken."""
    items = error.errors(include_url=False, include_input=False)
    inside = {item["loc"][:end] for item in items for end in range(len(item["loc"]))}
    return [item for item in items if item["type"] != "too_short" or item["loc"] not in inside]


def _without(table: object, paths: list[Path]) -> object:
    known: Any = copy.deepcopy(table)
    for path in paths:
        inner = known
        for part in path[:-1]:
            inner = inner[part]
        del inner[path[-1]]
    return known


def _did_you_mean(model: type[Table], path: Path) -> str:
    """The nearest key of the very table in which the unknown one stands."""
    table: type[BaseModel] | None = model
    for part in path[:-1]:
        if table is not None and part in table.model_fields:
            table = _table_in(table.model_fields[str(part)].annotation)
    near = difflib.get_close_matches(str(path[-1]), table.model_fields if table else (), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _table_in(annotation: object) -> type[BaseModel] | None:
    """The table inside `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)
