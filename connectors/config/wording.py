"""What is expected, in words of ours. No value that stands in a file is ever repeated."""

from collections.abc import Callable, Mapping

from pydantic_core import ErrorDetails

Words = Callable[[Mapping[str, object]], str]

_WORDS: Mapping[str, Words] = {
    "missing": lambda _: "a value (it is required)",
    "string_type": lambda _: "a text in quotes",
    "string_pattern_mismatch": lambda by: f"a text of the form {by['pattern']}",
    "string_too_short": lambda by: f"a text of at least {by['min_length']} character(s)",
    "string_too_long": lambda by: f"a text of at most {by['max_length']} characters",
    "bool_type": lambda _: "true or false",
    "int_type": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "greater_than_equal": lambda by: f"a number of at least {by['ge']}",
    "less_than_equal": lambda by: f"a number of at most {by['le']}",
    "literal_error": lambda by: f"one of {by['expected']}",
    "enum": lambda by: f"one of {by['expected']}",
    "model_type": lambda _: "a table",
    "tuple_type": lambda _: "a list",
    "too_short": lambda by: f"a list with at least {by['min_length']} in it",
    "too_long": lambda by: f"a list with at most {by['max_length']} in it",
    "date_type": lambda _: "a day such as 2025-07-01",
    "date_parsing": lambda _: "a day such as 2025-07-01",
    "date_from_datetime_parsing": lambda _: "a day such as 2025-07-01",
    "date_from_datetime_inexact": lambda _: "a day such as 2025-07-01",
    "value_error": lambda by: str(by["error"]),
}


def expected(item: ErrorDetails) -> str:
    """What should stand there, for a mistake that pydantic found."""
    words = _WORDS.get(item["type"])
    if words is None:
        return item["msg"].removeprefix("Input should be ")
    return words(item.get("ctx", {}))
