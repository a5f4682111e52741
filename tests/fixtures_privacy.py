"""A sink that fails a test when a fixture person's data reaches a log."""

import logging
from collections.abc import Iterator

import pytest

from tests.people import PRIVATE


class _Sink(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage() + str(record.exc_info or "")
        self.leaks += [f"{record.name}: {secret}" for secret in PRIVATE if secret in text]


@pytest.fixture(autouse=True)
def no_personal_data_in_logs() -> Iterator[None]:
    sink, root = _Sink(), logging.getLogger()
    level = root.level
    root.addHandler(sink)
    root.setLevel(logging.INFO)
    yield
    root.removeHandler(sink)
    root.setLevel(level)
    assert not sink.leaks
