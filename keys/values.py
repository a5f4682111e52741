"""Values of the hot path: frozen for the type checker, plain at run time."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def hot_value(cls: type[_T]) -> type[_T]:
    """A slotted, keyword-only dataclass that no checked code can change.

    Why: a dataclass that is frozen at run time stores each member through `object.__setattr__`;
    over the values of one sign-on that was 7 % of its CPU. mypy, which the build runs in strict
    mode, refuses an assignment all the same. Everything that is not made several times in each
    request, and every type that proves something, stays `@dataclass(frozen=True)`.
    """
    return dataclass(slots=True, kw_only=True, unsafe_hash=True)(cls)
