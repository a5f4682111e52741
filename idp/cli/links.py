"""`lienthong links`: which accounts a person holds, and the end of one link."""

import getpass
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from connectors.contract import SubjectId, SystemId
from connectors.links.model import LEGAL, Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from connectors.provisioning.messages import TOLD
from connectors.provisioning.told import told_of_a_move
from idp.adapters import open_stores
from idp.cli.audited import audited
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit
from idp.config import Settings

ENDED_BY_OPERATOR = Evidence(rule="ended_by_operator", rule_version=1)
LONGEST_REASON = 200


@lienthong.group()
def links() -> None:
    """Links between persons and accounts. They name accounts; keep them out of tickets."""


@links.command("list")
@click.argument("subject")
@CONFIG
@DEMO
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def list_links(subject: str, path: Path, *, as_json: bool, demo: bool) -> None:
    """Every link of a SUBJECT, in whatever state, oldest first."""
    found = run(_of_subject(settings_or_exit(path, demo=demo), SubjectId(subject)))
    rows = [_told(link) for link in found]
    if as_json:
        click.echo(json.dumps({"links": rows}, ensure_ascii=False))
        return
    if not rows:
        click.echo("No link.")
    for row in rows:
        click.echo("  ".join(row.values()))


@links.command("end")
@click.argument("what")
@click.argument("system", required=False)
@CONFIG
@DEMO
@click.option("--reason", required=True, help="Kept with the link: name no person in it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def end(what: str, system: str | None, path: Path, *, reason: str, yes: bool, demo: bool) -> None:
    """End a link, by its LINK id or by SUBJECT and SYSTEM. It is never opened again by itself.

    The person stays signed in here; only the way into this account ends.
    """
    reason = reason.strip()
    if not reason.isprintable() or not 0 < len(reason) <= LONGEST_REASON:
        raise click.BadParameter(f"one line of 1 to {LONGEST_REASON} characters, as --reason")
    settings = settings_or_exit(path, demo=demo)
    link = _the_one(run(_candidates(settings, what, system)))
    for line in effects_of(link, settings):
        click.echo(line, err=True)
    if not yes:
        click.confirm("End this link?", abort=True, err=True)
    if not run(_end(settings, link, reason)):
        _stop("Refused: the link has changed meanwhile; look again.")
    click.echo(f"Done: link {link.link_id} has ended.")


def effects_of(link: Link, settings: Settings) -> list[str]:
    """What the end of a link changes, and what it does not."""
    told = told_of_a_move(link.state, LinkState.ENDED)
    system = settings.systems.get(link.system)
    hears = system is not None and system.push is not None and told in TOLD[system.provisioning]
    return [
        f"Link {link.link_id}: {link.state} in {link.system}, since {_day(link.created_at)}.",
        f"The person enters {link.system} by this account no more, and somebody else may hold it.",
        "Sessions stay: here, and at the system until it ends its own.",
        f"The system is told: {told}." if hears else "The system is told nothing: it has no way.",
    ]


async def _of_subject(settings: Settings, subject: SubjectId) -> Sequence[Link]:
    async with open_stores(settings) as stores:
        return await SqlLinks(stores.database).all_of(subject)


async def _candidates(settings: Settings, what: str, system: str | None) -> Sequence[Link]:
    if system is not None:
        everything = await _of_subject(settings, SubjectId(what))
        return [link for link in everything if link.system == SystemId(system)]
    async with open_stores(settings) as stores:
        link = await SqlLinks(stores.database).find(what)
    return [] if link is None else [link]


def _the_one(found: Sequence[Link]) -> Link:
    living = [link for link in found if LinkState.ENDED in LEGAL[link.state]]
    if len(living) > 1:
        ids = ", ".join(link.link_id for link in living)
        _stop(f"Refused: there are several links; name one of {ids}.")
    if not living:
        _stop("Refused: the link has ended already." if found else "Refused: no such link.")
    return living[0]


async def _end(settings: Settings, link: Link, reason: str) -> bool:
    async with open_stores(settings) as stores, audited(settings, stores) as audit:
        transition = Transition(
            actor=f"operator:{_operator()}",
            reason=reason,
            evidence=ENDED_BY_OPERATOR,
            at=int(time.time()),
        )
        store = SqlLinks(stores.database, outbox=stores.outbox)
        ended = await store.move(link, LinkState.ENDED, transition)
        if ended:
            audit.record("link_ended", {"system": link.system, "link": link.link_id})
        return ended


def _operator() -> str:
    """Who is signed in at this machine; in a container often nothing but a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _told(link: Link) -> dict[str, str]:
    return {
        "link": link.link_id,
        "system": link.system,
        "account": link.account,
        "state": link.state.value,
        "since": _day(link.created_at),
    }


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _stop(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(1)
