"""A session as bytes, for stores outside the process."""

import orjson

from connectors.contract import Assurance, SessionId, SubjectId
from idp.model import Session


def encode_session(session: Session) -> bytes:
    """Compact JSON."""
    return orjson.dumps(
        [
            session.sid,
            session.subject,
            int(session.assurance),
            session.amr,
            session.authenticated_at,
            session.created_at,
            session.expires_at,
            session.touched_at,
        ]
    )


def decode_session(raw: bytes) -> Session:
    """The session that `encode_session` wrote."""
    row = orjson.loads(raw)
    return Session(
        sid=SessionId(row[0]),
        subject=SubjectId(row[1]),
        assurance=Assurance(row[2]),
        amr=tuple(row[3]),
        authenticated_at=row[4],
        created_at=row[5],
        expires_at=row[6],
        touched_at=row[7],
    )
