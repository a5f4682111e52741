"""`lienthong accounts add|enable|disable`: pilot, staff and sandbox accounts."""

import os
import secrets
import sys
import time
from base64 import b32encode
from pathlib import Path
from typing import NoReturn

import click

from connectors.contract import AccountKind, PersonAttributes, SubjectId, SystemId
from connectors.links.account_opening import AccountOpening
from connectors.links.sql import SqlLinks
from connectors.registry import System
from idp.adapters import key_store, open_stores, rotation_policy
from idp.authn.password import PasswordHasher
from idp.authn.password_policy import refusal
from idp.authn.usernames import fold
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit
from idp.config import Settings
from idp.flows.pre_provision import PreProvisioning
from idp.model import Account
from idp.store.eligible import SqlEligible
from idp.wiring.notices import notice_writers, saml_place, session_ends
from keys.keyring import KeyRing

TOTP_BYTES = 20


@lienthong.group()
def accounts() -> None:
    """Pilot, staff and sandbox accounts of the provider itself."""


@accounts.command()
@CONFIG
@DEMO
@click.argument("username")
@click.option("--full-name", required=True, help="As on the person's card.")
@click.option("--kind", type=click.Choice(list(AccountKind)), default=AccountKind.STAFF)
@click.option("--otp/--no-otp", default=True, help="Give a second factor.")
@click.password_option(help="Asked for where it is not given.")
def add(
    path: Path, username: str, full_name: str, kind: str, password: str, *, otp: bool, demo: bool
) -> None:
    """Add an account; prints its subject and the secret for the authenticator app."""
    settings = settings_or_exit(path, demo=demo)
    reason = refusal(password, username=username, second_factor=otp)
    if reason is not None:
        click.echo(f"Refused: {reason}", err=True)
        raise SystemExit(1)
    secret = secrets.token_bytes(TOTP_BYTES) if otp else None
    attributes = PersonAttributes(full_name=full_name)
    subject = run(_add(settings, username, AccountKind(kind), password, secret, attributes))
    if subject is None:
        click.echo("Refused: the user name is taken.", err=True)
        raise SystemExit(1)
    click.echo(f"subject {subject}")
    if secret is not None:
        click.echo(f"authenticator secret {b32encode(secret).decode()}")


async def _add(
    settings: Settings,
    username: str,
    kind: AccountKind,
    password: str,
    secret: bytes | None,
    attributes: PersonAttributes,
) -> SubjectId | None:
    hasher = PasswordHasher(workers=1, queue_limit=1)
    async with open_stores(settings) as stores:
        account = Account(
            subject=SubjectId(secrets.token_hex(16)),
            username=username,
            kind=kind,
            enabled=True,
            password_hash=await hasher.hash(password),
            totp_secret=secret,
            attributes=attributes,
        )
        added = await stores.accounts.add(account, fold(username), int(time.time()))
    hasher.close()
    return account.subject if added else None


@accounts.command()
@CONFIG
@DEMO
@click.argument("subject")
def disable(path: Path, subject: str, *, demo: bool) -> None:
    """End what this subject has running, and accept nothing of it any more, on every node."""
    ended = run(disable_account(settings_or_exit(path, demo=demo), SubjectId(subject)))
    if ended is None:
        _no_such_subject()
    sessions = f"{ended} session{'' if ended == 1 else 's'} ended"
    click.echo(f"Done: {sessions}; the running service tells the systems within seconds.")


async def disable_account(settings: Settings, subject: SubjectId) -> int | None:
    """Close the gate, then end every session; how many, or None where there is no such subject."""
    async with open_stores(settings) as stores:
        if not await stores.accounts.set_enabled(subject, enabled=False):
            return None
        now = int(time.time())
        keyring = await KeyRing.load(
            key_store(settings, stores.database), stores.sealer, rotation_policy(settings), now
        )
        saml = saml_place(settings, keyring)
        told = frozenset(notice_writers(settings, keyring, saml, os.urandom))
        return await session_ends(settings, stores).end_all(subject, now, told)


@accounts.command()
@CONFIG
@DEMO
@click.argument("subject")
def enable(path: Path, subject: str, *, demo: bool) -> None:
    """Admit a disabled subject again; it signs in anew."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> bool:
        async with open_stores(settings) as stores:
            return await stores.accounts.set_enabled(SubjectId(subject), enabled=True)

    if not run(journey()):
        _no_such_subject()
    click.echo("Done.")


def _no_such_subject() -> NoReturn:
    click.echo("Refused: no such subject.", err=True)
    raise SystemExit(1)


@accounts.command()
@CONFIG
@DEMO
@click.argument("system")
@click.option("--dry-run", is_flag=True, help="Tell how many would be opened; change nothing.")
def provision(path: Path, system: str, *, dry_run: bool, demo: bool) -> None:
    """Open an account in SYSTEM for everybody eligible who never had one there.

    It may be stopped and run again. The system is told by the outbox.
    """
    settings = settings_or_exit(path, demo=demo)
    declared = settings.systems.get(SystemId(system))
    if declared is None or not declared.eligible:
        click.echo("Refused: no system with the mode pre-provision has this id.", err=True)
        raise SystemExit(1)
    click.echo(run(_provision(settings, declared, dry_run=dry_run)))


async def _provision(settings: Settings, system: System, *, dry_run: bool) -> str:
    async with open_stores(settings) as stores:
        opening = AccountOpening(
            links=SqlLinks(stores.database, outbox=stores.outbox),
            systems=settings.systems,
            verifiers={},
            entropy=secrets.token_bytes,
        )
        journey = PreProvisioning(SqlEligible(stores.database), opening, time.time)
        count = await journey.count(system)
        if dry_run:
            return f"{count} account(s) would be opened; nothing was changed."
        with click.progressbar(length=count, label="Opening", file=sys.stderr) as shown:
            opened = await journey.run(system, shown.update)
        return f"{opened} account(s) opened."
