"""What a configuration is read in: the environment, the folder, and whether it is the demo."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MIN_SECRET = 32
MIN_DIFFERENT = 10
STRONG = f"a random secret of at least {MIN_SECRET} characters, by exactly one of env or file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where secrets and files are found. Paths are meant from the folder of the first file."""

    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    demo: bool = False
    """Plain http on loopback and secrets inside the file are for the demo alone."""

    def path(self, name: str) -> Path:
        """The file that a name in the configuration means."""
        return self.folder / name

    def secret(self, env: str | None, file: str | None, inline: str | None) -> str | None:
        """The secret, or None where it is missing or not given in exactly one way."""
        if sum(given is not None for given in (env, file, inline)) != 1:
            return None
        if env is not None:
            return self.environment.get(env)
        if inline is not None:
            return inline if self.demo else None
        try:
            return self.path(file or "").read_text("utf-8").strip()
        except (OSError, ValueError):  # a path that cannot be one, or no UTF-8
            return None


def strong(secret: str | None) -> bool:
    """Whether a shared secret is long and varied enough to sign or authenticate with."""
    return secret is not None and len(secret) >= MIN_SECRET and len(set(secret)) >= MIN_DIFFERENT
