"""What is sealed into a code, an access token and a refresh token, and the checks on a code.

A handle is `<prefix>_<sealed bytes>`: the prefix and the client are bound by the seal, so a
handle of one kind, or of another client, does not open (architecture decision 2).
"""

import orjson

from connectors.contract import Assurance, PairwiseSub, SessionId, SubjectId
from idp.errors import InvalidGrant
from idp.model import FamilyId
from idp.protocol.pkce import check_verifier
from keys.values import hot_value

CODE = "ac"
ACCESS_TOKEN = "at"
CLIENT_TOKEN = "ct"
REFRESH_TOKEN = "rt"
CODE_SECONDS = 60


def new_family_id(at: float, random: bytes) -> FamilyId:
    """An id for the family that a code will become: 48 bits of time, 80 of randomness, as hex.

    Why: in the order of time, new rows stand side by side in the index, and a burst of
    redemptions writes a few pages instead of one each (the reasoning of RFC 9562 §5.7).
    """
    return FamilyId(f"{int(at * 1000):012x}{random.hex()}")


def oldest_family_id(at: int) -> FamilyId:
    """Stands before the id of every family that was made at this second or later."""
    return FamilyId(f"{at * 1000:012x}")


@hot_value
class CodeGrant:
    """What a code stands for."""

    family_id: FamilyId
    subject: SubjectId
    sub: PairwiseSub
    sid: SessionId
    redirect_uri: str
    scopes: frozenset[str]
    claims_request: str
    code_challenge: str | None
    nonce: str | None
    assurance: Assurance
    amr: tuple[str, ...]
    authenticated_at: int
    expires_at: int

    def to_bytes(self) -> bytes:
        """Compact; opened again by `from_bytes` of the same release or the next."""
        return orjson.dumps(
            [
                self.family_id,
                self.subject,
                self.sub,
                self.sid,
                self.redirect_uri,
                sorted(self.scopes),
                self.claims_request,
                self.code_challenge,
                self.nonce,
                int(self.assurance),
                self.amr,
                self.authenticated_at,
                self.expires_at,
            ]
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "CodeGrant":
        """The grant that `to_bytes` wrote."""
        row = orjson.loads(raw)
        return cls(
            family_id=FamilyId(row[0]),
            subject=SubjectId(row[1]),
            sub=PairwiseSub(row[2]),
            sid=SessionId(row[3]),
            redirect_uri=row[4],
            scopes=frozenset(row[5]),
            claims_request=row[6],
            code_challenge=row[7],
            nonce=row[8],
            assurance=Assurance(row[9]),
            amr=tuple(row[10]),
            authenticated_at=row[11],
            expires_at=row[12],
        )


def check_code(grant: CodeGrant, redirect_uri: str | None, verifier: str | None, now: int) -> None:
    """The code is young, and its redemption names the same address and fits the challenge.

    Spec: RFC 6749 §4.1.3, RFC 7636 §4.6
    Raises: InvalidGrant.
    """
    if now >= grant.expires_at:
        raise InvalidGrant("the code has expired")
    if redirect_uri != grant.redirect_uri:
        raise InvalidGrant("redirect_uri differs from the authorization request")
    check_verifier(grant.code_challenge, verifier)


@hot_value
class AccessGrant:
    """What an access token of a person stands for."""

    family_id: FamilyId
    client_id: str
    scopes: frozenset[str]
    issued_at: int
    expires_at: int

    def to_bytes(self) -> bytes:
        """Compact."""
        return orjson.dumps(
            [
                self.family_id,
                self.client_id,
                sorted(self.scopes),
                self.issued_at,
                self.expires_at,
            ]
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "AccessGrant":
        """The grant that `to_bytes` wrote."""
        family_id, client_id, scopes, issued_at, expires_at = orjson.loads(raw)
        return cls(
            family_id=FamilyId(family_id),
            client_id=client_id,
            scopes=frozenset(scopes),
            issued_at=issued_at,
            expires_at=expires_at,
        )


@hot_value
class RefreshGrant:
    """One generation of a family's refresh token."""

    family_id: FamilyId
    generation: int

    def to_bytes(self) -> bytes:
        """Compact."""
        return orjson.dumps([self.family_id, self.generation])

    @classmethod
    def from_bytes(cls, raw: bytes) -> "RefreshGrant":
        """The grant that `to_bytes` wrote."""
        family_id, generation = orjson.loads(raw)
        return cls(family_id=FamilyId(family_id), generation=generation)
