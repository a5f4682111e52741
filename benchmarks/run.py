"""`make bench`: the single sign-on flow, ours and node oidc-provider's, in one run.

CPU per flow is the column to trust on a shared machine; the ratio is node's CPU per flow over
ours, with the same class of store (PostgreSQL + Redis: over node's in memory, as the bar asks).
Servers run on one core, the load on the other. V8 needs seconds of load before it has compiled
what is hot: the peer is measured only after them.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import httpx
import jwt
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import servers
from benchmarks.flows import (
    cas_flow,
    client_credentials_flow,
    forward_auth_flow,
    introspection_flow,
    refresh_flow,
    saml_flow,
    sso_flow,
    userinfo_flow,
)
from benchmarks.footprint import Footprint, footprint
from benchmarks.load import Flow, Sample, Target, measure
from tests import services

WARM_UP_SECONDS = {True: 8.0, False: 2.0}
"""For the peer, and for us."""
LEAD_IN_SECONDS = 0.7
"""Before each round: V8 throws compiled code away while others have their turn."""
SIGNED = (sso_flow, refresh_flow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table, and the line it is compared with."""

    name: str
    store: str
    algorithm: str
    target: Target
    flow: Flow
    peer: str | None

    @property
    def key(self) -> str:
        return f"{self.name}/{self.store}/{self.algorithm}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ES256 only, short: a look.")
    quick = parser.parse_args().quick
    servers.install_peer()
    if servers.PIN:
        os.sched_setaffinity(0, {1})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lienthong-bench-")))
        postgres = stack.enter_context(services.postgres())
        redis = stack.enter_context(services.redis())
        rows: list[Row] = []
        for alg in ("ES256",) if quick else ("ES256", "RS256"):
            rows += start(stack, folder, alg, postgres, redis)
        samples = asyncio.run(take(rows, *((2, 1.0) if quick else (5, 1.5)), quick=quick))
        verify(rows, samples)
        print("starting cold, and with many sessions …", file=sys.stderr)
        feet = footprint(folder, redis, sessions=10_000 if quick else 100_000)
    report(rows, samples, feet)


def start(stack: ExitStack, folder: Path, alg: str, postgres: str, redis: str) -> list[Row]:
    """The servers for one algorithm, each idle until its turn, and the rows about them."""
    node = stack.enter_context(servers.node(alg, None, folder))
    node_redis = stack.enter_context(servers.node(alg, redis, folder))
    embedded = stack.enter_context(servers.ours(alg, None, None, folder))
    with_redis = stack.enter_context(servers.ours(alg, redis, None, folder))
    durable = stack.enter_context(servers.ours(alg, redis, postgres, folder))
    rows: list[Row] = []

    def add(name: str, flow: Flow, *targets: tuple[str, Target, str | None]) -> None:
        for store, target, peer_store in targets:
            peer = None if peer_store is None else f"node {name}/{peer_store}/{alg}"
            shown = name if peer else f"node {name}"
            rows.append(
                Row(name=shown, store=store, algorithm=alg, target=target, flow=flow, peer=peer)
            )

    durable_store = "postgresql+redis"
    add(
        "sso", sso_flow, ("memory", node, None), ("redis", node_redis, None),
        ("memory", embedded, "memory"), ("redis", with_redis, "redis"),
        (durable_store, durable, "memory"),
    )  # fmt: skip
    if alg != "ES256":
        return rows
    both = ("memory", node, None), ("memory", embedded, "memory")
    add("client_credentials", client_credentials_flow, *both)
    add("userinfo", userinfo_flow, *both, (durable_store, durable, "memory"))
    add("introspection", introspection_flow, *both, (durable_store, durable, "memory"))
    for store, target in (("memory", embedded), (durable_store, durable)):
        rows.append(
            Row(name="forward-auth", store=store, algorithm="HS256", target=target,
                flow=forward_auth_flow, peer=None)
        )  # fmt: skip
    add(
        "refresh", refresh_flow, ("memory", _renewing(node), None),
        ("memory", _renewing(embedded), "memory"), (durable_store, _renewing(durable), "memory"),
    )  # fmt: skip
    for store, target in ("memory", embedded), (durable_store, durable):
        rows.append(
            Row(name="cas", store=store, algorithm="-", target=target, flow=cas_flow, peer=None)
        )
        rows.append(
            Row(
                name="saml",
                store=store,
                algorithm="RS256",
                target=target,
                flow=saml_flow,
                peer=None,
            )
        )
    return rows


def _renewing(target: Target) -> Target:
    return replace(target, client_id=servers.RENEWING)


async def take(rows: list[Row], rounds: int, seconds: float, *, quick: bool) -> list[list[Sample]]:
    """Rounds in turn, so that a change of the machine's speed meets everybody."""
    samples: list[list[Sample]] = [[] for _ in rows]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("warming up", total=rounds * len(rows) + len(rows))
        for row in rows:
            warm_up = WARM_UP_SECONDS[row.peer is None and row.flow is sso_flow]
            await measure(row.target, row.flow, warm_up / 2 if quick else warm_up)
            progress.advance(task)
        progress.update(task, description="measuring")
        for _ in range(rounds):
            for row, taken in zip(rows, samples, strict=True):
                await measure(
                    row.target, row.flow, LEAD_IN_SECONDS / 2 if quick else LEAD_IN_SECONDS
                )
                taken.append(await measure(row.target, row.flow, seconds))
                progress.advance(task)
    return samples


def verify(rows: list[Row], samples: list[list[Sample]]) -> None:
    """The last ID token of every round is signed by its server, for this client.

    Raises: jwt.PyJWTError.
    """
    for row, taken in zip(rows, samples, strict=True):
        if row.flow not in SIGNED:
            continue
        base = f"http://127.0.0.1:{row.target.port}"
        document = httpx.get(base + row.target.jwks, trust_env=False).json()
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(document).keys}
        for sample in taken:
            key = keys[jwt.get_unverified_header(sample.token)["kid"]]
            jwt.decode(
                sample.token, key, [row.algorithm], audience=row.target.client_id, issuer=base,
                options={"require": ["sub", "exp", "iat"]},
            )  # fmt: skip


def _shown(row: Row, ratio: float | None) -> str:
    """The peer itself is 1; what it does not do has nothing to be compared with."""
    if ratio is not None:
        return f"{ratio:.2f}"
    return "1.00" if row.name.startswith("node ") else "-"


def report(rows: list[Row], samples: list[list[Sample]], feet: Footprint) -> None:
    """The table, and one JSON object as the last line."""
    cpu = {
        row.key: statistics.median(s.cpu / s.flows * 1000 for s in taken)
        for row, taken in zip(rows, samples, strict=True)
    }
    table = Table("What", "Store", "Alg.", "flows/s", "CPU ms/flow", "flows/s of CPU", "× node")
    result = []
    for row, taken in zip(rows, samples, strict=True):
        rate, own = statistics.median(s.flows / s.wall for s in taken), cpu[row.key]
        ratio = None if row.peer is None else cpu[row.peer] / own
        table.add_row(
            row.name, row.store, row.algorithm, f"{rate:.0f}", f"{own:.3f}", f"{1000 / own:.0f}",
            _shown(row, ratio),
        )  # fmt: skip
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
    print(
        f"cold start to first answer {feet.cold_start_seconds:.2f} s; resident"
        f" {feet.resident_mb:.0f} MB with {feet.sessions} sessions in Redis"
    )
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(
        f"{time.strftime('%Y-%m-%d')}, {machine}; medians; × node = CPU per flow of node over ours"
    )
    print(json.dumps({"rows": result, "footprint": asdict(feet)}))


if __name__ == "__main__":
    main()
