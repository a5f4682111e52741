"""What is kept of the metadata of service providers, on both databases."""

import asyncio

from connectors.contract import SystemId
from idp.store.saml_metadata import KeptMetadata, SqlSamlMetadata
from keys.sql import Database

SCHOOL, MAIL = SystemId("school"), SystemId("mail")


def document(version: int, content: bytes = b"<x/>") -> KeptMetadata:
    return KeptMetadata(
        system=SCHOOL, version=version, document=content, etag='"1"', last_modified="yesterday",
        valid_until=900, fetched_at=100, due_at=500,
    )  # fmt: skip


async def test_one_of_many_has_the_turn_and_the_next_one_when_it_is_time(
    database: Database,
) -> None:
    kept = SqlSamlMetadata(database)
    turns = await asyncio.gather(*(kept.claim(SCHOOL, 100, 400) for _ in range(8)))
    assert sorted(turns) == [False] * 7 + [True]
    assert await kept.claim(MAIL, 100, 400), "each system has its own turn"
    assert not await kept.claim(SCHOOL, 399, 700)
    turns = await asyncio.gather(*(kept.claim(SCHOOL, 400, 700) for _ in range(8)))
    assert sorted(turns) == [False] * 7 + [True]
    await kept.make_due(SCHOOL)
    assert await kept.claim(SCHOOL, 401, 700)


async def test_a_document_takes_the_place_of_the_version_it_was_compared_with_alone(
    database: Database,
) -> None:
    kept = SqlSamlMetadata(database)
    assert not await kept.keep(document(0)), "nobody had a turn"
    await kept.claim(SCHOOL, 100, 400)
    won = await asyncio.gather(*(kept.keep(document(0, b"%d" % n)) for n in range(4)))
    assert sorted(won) == [False] * 3 + [True]
    assert not await kept.keep(document(0))
    assert await kept.keep(document(1, b"second"))
    (row,) = await kept.all()
    assert (row.version, row.document) == (2, b"second")
    assert (row.etag, row.last_modified) == ('"1"', "yesterday")
    assert (row.valid_until, row.fetched_at, row.due_at) == (900, 100, 500)
    assert await kept.versions() == {SCHOOL: (2, 500)}


async def test_a_failure_is_told_and_takes_nothing_away(database: Database) -> None:
    kept = SqlSamlMetadata(database)
    await kept.claim(SCHOOL, 100, 400)
    await kept.keep(document(0))
    await kept.failed(SCHOOL, 600, "no document came", 4200)
    (row,) = await kept.all()
    assert (row.failed_at, row.failure, row.due_at) == (600, "no document came", 4200)
    assert (row.version, row.document) == (1, b"<x/>")
    await kept.unchanged(SCHOOL, 9000)
    (row,) = await kept.all()
    assert (row.failed_at, row.failure, row.due_at, row.version) == (None, None, 9000, 1)
