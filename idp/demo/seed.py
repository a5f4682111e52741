"""Puts the synthetic province into the provider's stores."""

import secrets
import time

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from idp.adapters import open_stores
from idp.authn.password import PasswordHasher
from idp.authn.usernames import fold
from idp.config import Settings
from idp.demo.province import Resident
from idp.model import Account

SEEDED = Evidence(rule="demo.seed", rule_version=1)


async def seed(settings: Settings, people: list[Resident]) -> None:
    """Every account, and the links that exist before the journey begins."""
    hasher, now = PasswordHasher(workers=2, queue_limit=len(people)), int(time.time())
    async with open_stores(settings) as stores:
        links = SqlLinks(stores.database, outbox=stores.outbox)
        for person in people:
            subject = SubjectId(secrets.token_hex(16))
            account = Account(
                subject=subject,
                username=person.username,
                kind=person.kind,
                enabled=True,
                password_hash=await hasher.hash(person.password),
                totp_secret=person.totp_secret,
                attributes=person.attributes,
            )
            await stores.accounts.add(account, fold(person.username), now)
            if person.linked and person.old_account is not None:
                link = Link(
                    link_id=secrets.token_hex(16),
                    subject=subject,
                    system=SystemId("onestop"),
                    account=AccountId(person.old_account),
                    state=LinkState.ACTIVE,
                    version=1,
                    created_at=now,
                )
                reason = "linked before the demo began"
                await links.open(link, Transition(
                    actor="demo", reason=reason, evidence=SEEDED, at=now
                ))  # fmt: skip
    hasher.close()
