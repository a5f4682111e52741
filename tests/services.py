"""Real PostgreSQL and Redis: those that the environment names, else private ones started here."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from glob import glob
from pathlib import Path
from typing import Protocol

START_SECONDS = 30.0
INSTALL = "install the Debian packages postgresql and redis-server (make test does so as root)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binary(name: str) -> str:
    found = shutil.which(name) or next(
        iter(sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None
    )
    if found is None:
        raise RuntimeError(f"{name} is not installed: {INSTALL}")
    return found


def _wait_for(child: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at:
        if child.poll() is not None:
            raise RuntimeError(f"{child.args} ended at once")
        if ready():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{child.args} does not answer")


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except OSError:
        return False


def _as_nobody_special(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root; its Debian package brings a user of its own."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


class Server(Protocol):
    """A server of a test's own."""

    url: str

    def start(self) -> None: ...
    def remove(self) -> None: ...


@contextmanager
def _named_or_own(variable: str, own: Callable[[], Server]) -> Iterator[str]:
    """The address in the environment's variable; else that of a server that lives as long."""
    named = os.environ.get(variable)
    if named:
        yield named
        return
    server = own()
    server.start()
    try:
        yield server.url
    finally:
        server.remove()


class PrivatePostgres:
    """A PostgreSQL server that a test may kill and start again."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="lienthong-pg-"))
        self._folder.chmod(0o755)
        self._prefix = _as_nobody_special(self._folder)
        self._server: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-U", "postgres", "-A", "trust", "-N")

    def _command(self, name: str, *arguments: str) -> list[str]:
        return [*self._prefix, _binary(name), "-D", str(self._folder / "data"), *arguments]

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            self._command(name, *arguments), check=True, capture_output=True, cwd=self._folder
        )

    def start(self) -> None:
        given = ("fsync=off", "unix_socket_directories=", "max_connections=60", *self._options)
        options = [part for option in given for part in ("-c", option)]
        self._server = subprocess.Popen(
            self._command("postgres", "-h", "127.0.0.1", "-p", str(self.port), *options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )
        _wait_for(self._server, self._takes_clients)

    def _takes_clients(self) -> bool:
        """Its port answers earlier, and then tells every client that it is still starting up."""
        asked = [_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM waits for clients, SIGINT ends them, SIGQUIT is a crash: recovery at the start."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(30)
            self._server = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)


def postgres() -> AbstractContextManager[str]:
    """The address of a PostgreSQL server; each test module makes a database of its own in it."""
    return _named_or_own("LIENTHONG_TEST_DATABASE_URL", PrivatePostgres)


class PrivateRedis:
    """A Redis server that a test may stop and start."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._options = options
        self._folder = tempfile.mkdtemp(prefix="lienthong-redis-")
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir"]
        self._server = subprocess.Popen(
            [_binary("redis-server"), *arguments, self._folder, *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(self._server, lambda: _answers(self.port))

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait(10)
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def redis() -> AbstractContextManager[str]:
    """The address of a Redis server."""
    return _named_or_own("LIENTHONG_TEST_REDIS_URL", PrivateRedis)


def database_name() -> str:
    return f"lt_{secrets.token_hex(6)}"
