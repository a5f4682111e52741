"""One configuration mistake, and the place at which it stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One configuration mistake: the file, the key, and what is expected there."""

    file: str
    key: str
    expected: str

    def __str__(self) -> str:
        line = f"{self.file}: {self.key or '(file)'}: expected {self.expected}"
        # A key may hold anything that TOML can quote; a terminal must not obey it.
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and a key in it."""

    file: str
    key: str = ""

    def at(self, *parts: str | int) -> "Place":
        """A key below this one."""
        return Place(self.file, ".".join(filter(None, [self.key, *map(str, parts)])))

    def problem(self, expected: str) -> Problem:
        """A mistake here."""
        return Problem(self.file, self.key, expected)
