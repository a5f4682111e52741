"""Starting the provider and the stand-ins as processes of their own, and ending them again."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

START_SECONDS = 40.0
STOP_SECONDS = 10.0


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Processes:
    """The children of the demo; each writes to a log of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, module: str, *arguments: str) -> None:
        """Start `python -m module`."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LIENTHONG_")}
        with (self._folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._children.append((name, child))

    async def wait_for(self, *addresses: str) -> None:
        """Return once every address answers on `/healthz`.

        Raises: TimeoutError; RuntimeError where a child ended early, naming its log.
        """
        ends_at = time.monotonic() + START_SECONDS
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            for address in addresses:
                while not await _answers(client, address):
                    for name, child in self._children:
                        if child.poll() is not None:
                            log = self._folder / f"{name}.log"
                            raise RuntimeError(f"{name} did not start; see {log}")
                    if time.monotonic() > ends_at:
                        raise TimeoutError(f"{address} does not answer")
                    await asyncio.sleep(0.05)

    def stop(self) -> None:
        """End the children that we started, by their ids."""
        for _, child in self._children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for _, child in self._children:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


async def _answers(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(f"{address}/healthz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
