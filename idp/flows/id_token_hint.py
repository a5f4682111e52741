"""Reading back an ID token of ours: which person and which client it names."""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.contract import PairwiseSub, SessionId
from idp.model import Client, ClientId
from idp.protocol.jwt_peek import unverified_member
from keys.errors import JoseRefused
from keys.jose import JWT_OR_NONE, Expectation, verify
from keys.keyring import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A hint that we signed ourselves, expired or not."""

    client: Client
    sub: PairwiseSub
    sid: SessionId


class HintReader:
    """Verifies `id_token_hint` through the one door."""

    def __init__(
        self, *, issuer: str, clients: Mapping[ClientId, Client], keyring: KeyRing
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._keyring = keyring

    def read(self, token: str | None, now: int) -> Hint | None:
        """The hint, or None where it is absent or not a token of ours for a known client.

        Spec: OIDC Core §3.1.2.1, OIDC RP-Initiated Logout 1.0 §2 (an expired token is accepted)
        """
        client = self._clients.get(ClientId(unverified_member(token or "", "aud") or ""))
        if token is None or client is None:
            return None
        expected = Expectation(
            algorithms=frozenset({client.id_token_alg}),
            typ=JWT_OR_NONE,
            issuer=self._issuer,
            audience=client.client_id,
            required=frozenset({"exp", "sub", "sid"}),
            allow_expired=True,
        )
        try:
            claims = verify(token, self._keyring.verification_keys(), expected, now)
            sub, sid = claims.text("sub"), claims.text("sid")
        except JoseRefused:
            return None
        return Hint(client=client, sub=PairwiseSub(sub), sid=SessionId(sid))
