"""Puts the synthetic province into the provider's stores."""

import secrets
import time

from connectors.contract import AccountId, AccountKind, SubjectId, SystemId
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from idp.adapters import open_stores
from idp.authn.password import PasswordHasher
from idp.authn.usernames import fold
from idp.config import Settings
from idp.demo.province import Resident
from idp.demo.source import VNEID, known_there
from idp.model import Account
from idp.store.upstream_identities import SqlUpstreamIdentities
from keys.blind import BlindIndex

SEEDED = Evidence(rule="demo.seed", rule_version=1)


async def seed(settings: Settings, people: list[Resident]) -> None:
    """Every account, the links that exist before the journey begins, and the electronic identity of
    each citizen: by VNeID or by the pilot account, a citizen is one subject.
    """
    hasher, now = PasswordHasher(workers=2, queue_limit=len(people)), int(time.time())
    async with open_stores(settings) as stores:
        links = SqlLinks(stores.database, outbox=stores.outbox)
        identities = SqlUpstreamIdentities(
            stores.database, stores.sealer, BlindIndex(settings.keks[-1])
        )
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
            if VNEID in settings.sources and person.kind is AccountKind.CITIZEN:
                there = known_there(person)
                issuer = settings.sources[VNEID].issuer
                await identities.attach(issuer, there.subject, subject, there.number, now)
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
