"""`lienthong app-passwords create|list|revoke`: for programs that cannot sign people in here."""

import json
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from connectors.contract import AccountId, SubjectId, SystemId, WhenUnlinked
from connectors.links.account_opening import AccountOpening, Created
from connectors.links.sql import SqlLinks
from connectors.registry import System
from idp.adapters import Stores, open_stores
from idp.audit.writer import BatchingAudit
from idp.cli.audited import audited
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit
from idp.config import Settings
from idp.protocol.app_passwords import SECRET_BYTES, spelled
from idp.store.app_passwords import AppPassword, SqlAppPasswords
from idp.store.grants import SqlGrants
from keys.blind import BlindIndex

DAY_SECONDS = 86400
MAX_DAYS = 366


@lienthong.group("app-passwords")
def app_passwords() -> None:
    """Passwords of one person for one system, for mail and file programs (LDAP view)."""


@app_passwords.command("create")
@CONFIG
@DEMO
@click.argument("subject")
@click.argument("system")
@click.option("--label", default="", help="What the person calls the device.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=180, show_default=True)
def create(path: Path, subject: str, system: str, label: str, days: int, *, demo: bool) -> None:
    """Make one and print it, this once; the person's account in the system is printed too."""
    settings = settings_or_exit(path, demo=demo)
    registered = settings.systems.get(SystemId(system))
    if registered is None or registered.ldap_view is None:
        _stop("no such system, or it has no ldap_view.")
    made = run(_create(settings, registered, SubjectId(subject), label, days))
    if made is None:
        _stop("no such person, or no account of theirs there that may be used.")
    app_password_id, account, secret = made
    click.echo(f"app password {app_password_id}")
    click.echo(f"account {account}")
    click.echo(f"secret {secret}")


@app_passwords.command("list")
@CONFIG
@DEMO
@click.argument("subject")
def list_them(path: Path, subject: str, *, demo: bool) -> None:
    """All that a person has or had, as one JSON object; never the secrets."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> list[dict[str, object]]:
        async with open_stores(settings) as stores:
            made = await _kept(settings, stores).of_subject(SubjectId(subject))
            return [_told(one) for one in made]

    click.echo(json.dumps({"app_passwords": run(journey())}, ensure_ascii=False))


@app_passwords.command("revoke")
@CONFIG
@DEMO
@click.argument("app_password")
def revoke(path: Path, app_password: str, *, demo: bool) -> None:
    """End one at once, on every node."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> bool:
        async with open_stores(settings) as stores, audited(settings, stores) as audit:
            now = int(time.time())
            system = await _kept(settings, stores).revoke(app_password, now)
            if system is not None:
                fields = {"system": system, "app_password": app_password}
                audit.record("app_password_revoked", fields)
            return system is not None

    if not run(journey()):
        _stop("no such app password, or it is revoked already.")
    click.echo("Done.")


async def _create(
    settings: Settings, system: System, subject: SubjectId, label: str, days: int
) -> tuple[str, str, str] | None:
    now = int(time.time())
    async with open_stores(settings) as stores, audited(settings, stores) as audit:
        account = await _account(settings, stores, system, subject, now, audit)
        if account is None:
            return None
        made = AppPassword(
            app_password_id=secrets.token_hex(8),
            subject=subject,
            system=system.system_id,
            label=label,
            created_at=now,
            expires_at=now + days * DAY_SECONDS,
        )
        secret = spelled(secrets.token_bytes(SECRET_BYTES))
        if not await _kept(settings, stores).add(made, secret):
            return None
        fields = {"system": system.system_id, "app_password": made.app_password_id}
        audit.record("app_password_created", fields)
        return made.app_password_id, account, secret


async def _account(
    settings: Settings,
    stores: Stores,
    system: System,
    subject: SubjectId,
    now: int,
    audit: BatchingAudit,
) -> AccountId | None:
    """The person's account there; opened first where the system has it so, and there never was one."""
    links = SqlLinks(stores.database, outbox=stores.outbox)
    person = await SqlGrants(stores.database, stores.sealer).person(subject)
    if person is None or not person[1]:
        return None
    if system.when_unlinked is WhenUnlinked.CREATE:
        opening = AccountOpening(
            links=links, systems=settings.systems, verifiers={}, entropy=secrets.token_bytes
        )
        if isinstance(await opening.create(subject, system.system_id, now), Created):
            audit.record("account_opened", {"system": system.system_id})
    active = await links.of_subject(subject, system.system_id)
    return active[0].account if active else None


def _kept(settings: Settings, stores: Stores) -> SqlAppPasswords:
    return SqlAppPasswords(stores.database, stores.sealer, BlindIndex(settings.keks[-1]))


def _told(made: AppPassword) -> dict[str, object]:
    return {
        "app_password": made.app_password_id,
        "system": made.system,
        "label": made.label,
        "created": _day(made.created_at),
        "expires": _day(made.expires_at),
        "last_used": _day(made.last_used_at),
        "revoked": _day(made.revoked_at),
    }


def _day(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()


def _stop(reason: str) -> NoReturn:
    click.echo(f"Refused: {reason}", err=True)
    raise SystemExit(1)
