"""`lienthong demo`: everything at once, on this machine, with made-up people."""

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from idp.cli.command import lienthong
from idp.config import load_settings
from idp.demo.files import DemoFiles
from idp.demo.journey import Journey, StepResult
from idp.demo.processes import Processes, free_port
from idp.demo.province import residents
from idp.demo.scene import Addresses
from idp.demo.seed import seed
from idp.demo.source import VNEID
from idp.demo.stand_ins import STAND_INS


@lienthong.command()
@click.option("--check", is_flag=True, help="Drive the journey, print the facts, and stop.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The provider's port.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the files here.")
def demo(*, check: bool, port: int, folder: Path | None) -> None:
    """Run a synthetic province: the citizens' source, the provider, six systems, one journey."""
    own_folder = folder is None
    place = folder or Path(tempfile.mkdtemp(prefix="lienthong-demo-"))
    if not own_folder and place.exists() and any(place.iterdir()):
        raise click.UsageError("the folder must be empty")
    console = Console(stderr=check, highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        ok = asyncio.run(_Demo(place, port, console, check=check).run())
    except (RuntimeError, TimeoutError) as fault:
        click.echo(f"lienthong: {fault}", err=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        ok = True
    if own_folder and ok:
        shutil.rmtree(place, ignore_errors=True)
    raise SystemExit(0 if ok else 1)


class _Demo:
    def __init__(self, folder: Path, port: int, console: Console, *, check: bool) -> None:
        address = f"http://127.0.0.1:{port or free_port()}"
        self._people = residents()
        self._addresses = Addresses(
            issuer=address,
            systems={system.name: f"http://127.0.0.1:{free_port()}" for system in STAND_INS},
            vneid=f"http://127.0.0.1:{free_port()}",
        )
        self._files = DemoFiles(folder, self._addresses, self._people)
        self._folder = folder
        self._console = console
        self._check = check

    async def run(self) -> bool:
        """Start, drive, and stay unless only checking."""
        processes = Processes(self._folder)
        try:
            with self._console.status("Preparing a synthetic province …"):
                await self._prepare(processes)
            journey = Journey(self._addresses, self._people, self._show_step)
            ok = await journey.run()
            facts = self._facts(journey.results, ok=ok)
            if self._check:
                click.echo(json.dumps(facts, ensure_ascii=False))
            else:
                self._files.facts.touch(mode=0o600)
                self._files.facts.write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
                self._show(journey.results)
                await _until_told_to_stop()
            return ok
        finally:
            processes.stop()

    async def _prepare(self, processes: Processes) -> None:
        self._files.write()
        settings = load_settings(self._files.config, {}, demo=True)
        from idp.store.sql_migrate import migrate  # noqa: PLC0415 - slow to load

        migrate(settings.tables.storage.database_url)
        await seed(settings, self._people)
        processes.start("provider", "idp.cli", "serve", "--demo", "-c", str(self._files.config))
        source = "connectors.simulators.vneid"
        processes.start(VNEID, source, "--config", str(self._files.told(VNEID)))
        for system in STAND_INS:
            module, told = f"connectors.simulators.{system.name}", self._files.told(system.name)
            processes.start(system.name, module, "--config", str(told))
        await processes.wait_for(*self._addresses.everywhere())

    def _show_step(self, result: StepResult) -> None:
        mark = "[green]✓[/]" if result.ok else "[red]✗[/]"
        self._console.print(f"{mark} {result.name:<38} {result.ms:>6} ms  {result.seen}")

    def _facts(self, results: list[StepResult], *, ok: bool) -> dict[str, object]:
        def of(*kinds: str) -> list[dict[str, object]]:
            chosen = [person for person in self._people if person.kind.value in kinds]
            return [replace(p, linked=p.linked or p in claimed).facts() for p in chosen]

        claimed = [Journey.claimant(self._people)] if ok else []

        return {
            "ok": ok,
            "issuer": self._addresses.issuer,
            "clients": self._files.clients(),
            "citizens": of("citizen"),
            "staff": of("staff"),
            "sources": self._files.sources(),
            "systems": self._files.systems(),
            "steps": [asdict(result) for result in results],
        }

    def _show(self, results: list[StepResult]) -> None:
        self._console.print(journey_table(results))
        addresses = Table("What", "Address", title="Open these in a browser")
        addresses.add_row("Sign-in provider", self._addresses.issuer + "/")
        addresses.add_row("The citizens' source, simulated", f"{self._addresses.vneid}/faults")
        for system in self._files.systems():
            addresses.add_row(system["id"], system["address"] + "/")
        self._console.print(addresses)
        people = Table("User name", "Password", title="Accounts")
        for heading in ("OTP secret", "Old account"):
            people.add_column(heading, overflow="fold")
        for person in self._people:
            old = f"{person.old_account} / {person.old_password}" if person.old_account else "–"
            people.add_row(person.username, person.password, str(person.facts()["otp_secret"]), old)
        self._console.print(people)
        self._console.print(
            "A code for an OTP secret: [bold]lienthong otp SECRET[/]. "
            f"Facts for programs: {self._files.facts}\nStop with Ctrl-C."
        )


def journey_table(results: list[StepResult]) -> Table:
    """What was to happen, whether it did, how long it took, what the system said."""
    table = Table("Step", "Result", "Time", "What the system says", title="One login, six systems")
    for result in results:
        state = "[green]done[/]" if result.ok else "[red]failed[/]"
        table.add_row(result.name, state, f"{result.ms} ms", result.seen)
    return table


@lienthong.command()
@click.argument("secret")
def otp(secret: str) -> None:
    """Print the present code of an OTP secret (base32), for trying the demo without a phone."""
    import time  # noqa: PLC0415 - the only place here that needs a clock
    from base64 import b32decode  # noqa: PLC0415

    from idp.authn.totp import code_at, step_of  # noqa: PLC0415

    try:
        raw = b32decode(secret.upper())
    except ValueError:
        raise click.UsageError("the secret is not base32") from None
    click.echo(code_at(raw, step_of(int(time.time()))))


async def _until_told_to_stop() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
