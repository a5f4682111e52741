"""Reading what was recorded, for reports. Whether it was changed is for `verify` to say."""

from collections.abc import AsyncIterator, Mapping

import orjson

from keys.sql import Database

PAGE = 1000
_PAGE = (
    "SELECT chain, seq, fields FROM audit_record WHERE event = $1"
    " AND (chain > $2 OR (chain = $2 AND seq > $3)) ORDER BY chain, seq LIMIT $4"
)


async def fields_of(database: Database, event: str) -> AsyncIterator[Mapping[str, str | int]]:
    """The fields of every record of one event, a page at a time.

    Raises: StoreUnavailableError.
    """
    chain, seq = "", 0
    while rows := await database.rows(_PAGE, event, chain, seq, PAGE):
        for row in rows:
            yield orjson.loads(str(row["fields"]))
        chain, seq = str(rows[-1]["chain"]), int(rows[-1]["seq"] or 0)
