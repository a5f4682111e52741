"""`make bench`: the single sign-on flow, ours and node oidc-provider's, in one run.

CPU per flow is the column to trust on a shared machine; the ratio is node's CPU per flow over
ours, with the same class of store.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import servers
from benchmarks.load import Sample, Target, client_credentials_flow, measure, sso_flow
from tests import services


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table, and the line it is compared with."""

    name: str
    store: str
    algorithm: str
    target: Target
    flow: object
    peer: str | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Short rounds: a look, not a result.")
    quick = parser.parse_args().quick
    rounds, seconds = (2, 1.0) if quick else (5, 3.0)
    servers.install_peer()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-bench-")))
        rows = start(stack, folder)
        samples = asyncio.run(take(rows, rounds, seconds))
    report(rows, samples)


def start(stack: ExitStack, folder: Path) -> list[Row]:
    """All servers, each idle until its turn."""
    postgres = stack.enter_context(services.postgres())
    redis = stack.enter_context(services.redis())
    rows: list[Row] = []

    def add(
        name: str, store: str, alg: str, target: Target, flow: object, peer: str | None
    ) -> None:
        rows.append(Row(name=name, store=store, algorithm=alg, target=target, flow=flow, peer=peer))

    for alg in ("ES256", "RS256"):
        in_memory = stack.enter_context(servers.node(alg, None, folder))
        own = stack.enter_context(servers.ours(alg, None, None, folder))
        add("node sso", "memory", alg, in_memory, sso_flow, None)
        add("sso", "memory", alg, own, sso_flow, f"node sso/memory/{alg}")
        if alg == "ES256":
            add("node client_credentials", "memory", "-", in_memory, client_credentials_flow, None)
            add("client_credentials", "memory", "-", own, client_credentials_flow,
                "node client_credentials/memory/-")  # fmt: skip
        with_redis = stack.enter_context(servers.node(alg, redis, folder))
        own_redis = stack.enter_context(servers.ours(alg, redis, None, folder))
        durable = stack.enter_context(servers.ours(alg, redis, postgres, folder))
        add("node sso", "redis", alg, with_redis, sso_flow, None)
        add("sso", "redis", alg, own_redis, sso_flow, f"node sso/redis/{alg}")
        add("sso", "postgresql+redis", alg, durable, sso_flow, f"node sso/memory/{alg}")
    return rows


async def take(rows: list[Row], rounds: int, seconds: float) -> list[list[Sample]]:
    """Rounds in turn, so that a change of the machine's speed meets everybody."""
    samples: list[list[Sample]] = [[] for _ in rows]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * len(rows) + len(rows))
        for row in rows:
            await measure(row.target, row.flow, min(seconds, 1.0))
            progress.advance(task)
        for _ in range(rounds):
            for row, taken in zip(rows, samples, strict=True):
                taken.append(await measure(row.target, row.flow, seconds))
                progress.advance(task)
    return samples


def report(rows: list[Row], samples: list[list[Sample]]) -> None:
    """The table, and one JSON object as the last line."""
    cpu = {
        f"{row.name}/{row.store}/{row.algorithm}": statistics.median(
            s.cpu / s.flows * 1000 for s in taken
        )
        for row, taken in zip(rows, samples, strict=True)
    }
    table = Table("What", "Store", "Algorithm", "flows/s", "CPU ms/flow", "× node")
    result = []
    for row, taken in zip(rows, samples, strict=True):
        rate = statistics.median(s.flows / s.wall for s in taken)
        own = cpu[f"{row.name}/{row.store}/{row.algorithm}"]
        ratio = None if row.peer is None else cpu[row.peer] / own
        shown = "1.00" if ratio is None else f"{ratio:.2f}"
        table.add_row(row.name, row.store, row.algorithm, f"{rate:.0f}", f"{own:.3f}", shown)
        result.append(
            {
                "name": row.name,
                "store": row.store,
                "algorithm": row.algorithm,
                "flows_per_s": round(rate, 1),
                "cpu_ms": round(own, 4),
                "ratio_to_node": None if ratio is None else round(ratio, 3),
            }
        )
    Console(width=110).print(table)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(
        f"{time.strftime('%Y-%m-%d')}, {machine}; medians; × node = CPU per flow of node over ours"
    )
    print(json.dumps({"rows": result}))


if __name__ == "__main__":
    main()
