"""Does the time of the password door tell whether a user name exists? `python -m benchmarks.enumeration`

Two thousand wrong passwords over loopback, alternately for names that exist and names that do not,
each from an address of its own. Prints the gap of the medians and the p value of the two-sample
Kolmogorov-Smirnov test; the bars are a gap under 2 ms and p over 0.01 (case P01). It is a statistic of a
machine that should have nothing else to do, so it is no test of `make test`.
"""

import argparse
import asyncio
import math
import random
import secrets
import statistics
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path

import httpx
import uvicorn

from connectors.contract import AccountKind, PersonAttributes, SubjectId
from idp.app import open_service, open_stores
from idp.authn.password import PasswordHasher
from idp.config import Settings, load_settings
from idp.model import Account
from idp.store.sql_migrate import migrate
from tests.services import free_port

CONFIG = """
[provider]
issuer = "http://127.0.0.1:{port}"
[storage]
database_url = "sqlite:///{folder}/enumeration.sqlite"
[keys]
keks = [{{ inline = "{kek}" }}]
[network]
trusted_proxies = ["127.0.0.1/32"]
[clients.app]
name = {{ vi = "Ứng dụng", en = "Application" }}
application_type = "native"
auth_method = "none"
redirect_uris = ["http://127.0.0.1/cb"]
"""
QUERY = {
    "response_type": "code", "client_id": "app", "redirect_uri": "http://127.0.0.1/cb",
    "scope": "openid", "state": "s", "code_challenge": "c" * 43, "code_challenge_method": "S256",
}  # fmt: skip
WARM_UP = 20


def names(kind: str, count: int) -> list[str]:
    """Names of one length."""
    return [f"{kind}.{number:05d}" for number in range(count + WARM_UP)]


async def seed(settings: Settings, count: int) -> None:
    hasher = PasswordHasher(workers=1, queue_limit=1)
    password_hash = await hasher.hash(secrets.token_urlsafe(20))
    hasher.close()
    async with open_stores(settings) as stores:
        for name in names("known", count):
            account = Account(
                subject=SubjectId(secrets.token_hex(16)), username=name, kind=AccountKind.CITIZEN,
                enabled=True, password_hash=password_hash, totp_secret=secrets.token_bytes(20),
                attributes=PersonAttributes(full_name="Nguyễn Thị Ví Dụ"),
            )  # fmt: skip
            await stores.accounts.add(account, name, int(time.time()))


class Hidden(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "input" and found.get("type") == "hidden":
            self.values[found["name"]] = found.get("value", "")


async def one(issuer: str, username: str, address: str) -> float:
    """Milliseconds that one wrong password takes, in a browser of its own."""
    async with httpx.AsyncClient(
        base_url=issuer, trust_env=False, timeout=30, headers={"x-forwarded-for": address}
    ) as browser:
        page = await browser.get("/authorize", params=QUERY, follow_redirects=True)
        data = Hidden(page.text).values | {"username": username, "password": "sai-mat-khau-1"}
        started = time.perf_counter()
        answer = await browser.post("/sign-in", data=data)
        took = (time.perf_counter() - started) * 1000
        if answer.status_code != httpx.codes.OK:
            raise SystemExit(f"the door answered {answer.status_code}")
        return took


async def measure(issuer: str, count: int) -> tuple[list[float], list[float]]:
    pairs = list(zip(names("known", count), names("other", count), strict=True))
    found: dict[str, list[float]] = {"known": [], "other": []}
    for number, pair in enumerate(pairs):
        address = f"10.{number >> 8 & 255}.{number & 255}."
        for last, username in enumerate(random.sample(pair, 2)):
            took = await one(issuer, username, f"{address}{last + 1}")
            if number >= WARM_UP:
                found[username.partition(".")[0]].append(took)
    return found["known"], found["other"]


def kolmogorov_smirnov(first: list[float], second: list[float]) -> tuple[float, float]:
    """The greatest distance of the two distributions, and its p value (asymptotic)."""
    one_, two = sorted(first), sorted(second)
    distance, i, j = 0.0, 0, 0
    while i < len(one_) and j < len(two):
        at = min(one_[i], two[j])
        while i < len(one_) and one_[i] <= at:
            i += 1
        while j < len(two) and two[j] <= at:
            j += 1
        distance = max(distance, abs(i / len(one_) - j / len(two)))
    size = math.sqrt(len(one_) * len(two) / (len(one_) + len(two)))
    scaled = (size + 0.12 + 0.11 / size) * distance
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * scaled * scaled) for k in range(1, 101))
    return distance, min(max(2 * sum(terms), 0.0), 1.0) if scaled > 0.2 else 1.0


async def run(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        path = Path(folder) / "lienthong.toml"
        path.write_text(CONFIG.format(port=port, folder=folder, kek=secrets.token_hex(32)), "utf-8")
        settings = load_settings(path, {}, demo=True)
        migrate(settings.tables.storage.database_url)
        await seed(settings, count)
        async with open_service(settings) as application:
            server = uvicorn.Server(
                uvicorn.Config(application, port=port, log_level="warning", lifespan="off",
                               proxy_headers=False)
            )  # fmt: skip
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.05)
            known, other = await measure(settings.issuer, count)
            server.should_exit = True
            await serving
    report(known, other)


def report(known: list[float], other: list[float]) -> None:
    for name, times in (("known", known), ("unknown", other)):
        cuts = statistics.quantiles(times, n=20)
        print(
            f"{name:8} n={len(times)} median={statistics.median(times):.3f} ms"
            f" p5={cuts[0]:.3f} p95={cuts[-1]:.3f}"
        )
    gap = abs(statistics.median(known) - statistics.median(other))
    distance, p = kolmogorov_smirnov(known, other)
    print(f"gap of the medians {gap:.3f} ms (bar < 2), KS D={distance:.4f} p={p:.4f} (bar > 0.01)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    asyncio.run(run(parser.parse_args().count))
