"""The ring in use: loaded once, signing from memory, changed only by compare-and-swap."""

from keys.errors import NoSuchKey, RingConflict, RingUnreadable, SealBroken
from keys.jose import VerificationKeys, import_jwks
from keys.jwks import generate, jwks_document, load_private, private_bytes, public_jwk
from keys.ring import ALGORITHMS, Algorithm, KeyRecord, KeyState, Ring
from keys.rotation import NotYet, Rotated, RotationPolicy, first_ring, plan, revoke, rotate
from keys.seal import Sealer
from keys.signer import Signer
from keys.store import KeyStore

PURPOSE = "signing key"
_ATTEMPTS = 5


class KeyRing:
    """Signers and published keys of one provider. Make it with `KeyRing.load`."""

    def __init__(self, store: KeyStore, sealer: Sealer, policy: RotationPolicy) -> None:
        self._store = store
        self._sealer = sealer
        self._policy = policy
        self._signers: dict[str, Signer] = {}
        self._loaded: dict[str, Signer] = {}

    @classmethod
    async def load(
        cls, store: KeyStore, sealer: Sealer, policy: RotationPolicy, now: int
    ) -> "KeyRing":
        """The stored ring; where there is none, a first one on which all nodes agree.

        Raises: RingUnreadable.
        """
        keyring = cls(store, sealer, policy)
        if await store.load() is None:
            await store.swap(None, first_ring(policy, keyring._make, now))
        await keyring.refresh(now)
        return keyring

    def signer(self, alg: str) -> Signer:
        """The active signer of an algorithm.

        Raises: NoSuchKey.
        """
        try:
            return self._signers[alg]
        except KeyError:
            raise NoSuchKey(f"no active key for {alg}") from None

    def jwks_json(self) -> bytes:
        """The JWK set to publish.

        Spec: RFC 7517 §5
        """
        return self._jwks

    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that can sign now."""
        return self._ring.algorithms()

    def verification_keys(self) -> VerificationKeys:
        """Our own published keys, to read back what we signed."""
        return self._verification

    def listing(self) -> tuple[KeyRecord, ...]:
        """Every key of the ring, for people to read."""
        return self._ring.records

    async def refresh(self, now: int) -> None:
        """Load what other nodes did, and do what time asks for.

        Raises: RingUnreadable.
        """
        for _ in range(_ATTEMPTS):
            ring = await self._stored()
            following = plan(ring, self._policy, self._make, now)
            if following is None:
                self._use(ring)
                return
            if await self._store.swap(ring.version, following):
                self._use(following)
                return
        self._use(await self._stored())

    async def rotate(self, alg: str, now: int) -> Rotated | NotYet:
        """Let the next key of an algorithm sign now, if that is permitted yet.

        Raises: NoSuchKey, RingConflict.
        """
        ring = await self._stored()
        outcome = rotate(ring, _algorithm(alg), self._policy, self._make, now)
        if outcome is None:
            raise NoSuchKey(f"no key for {alg}")
        if isinstance(outcome, Rotated):
            await self._swap(ring, outcome.ring)
        return outcome

    async def revoke(self, kid: str, now: int) -> None:
        """Take a key out of the ring at once.

        Raises: NoSuchKey, RingConflict.
        """
        ring = await self._stored()
        without = revoke(ring, kid, self._make, now)
        if without is None:
            raise NoSuchKey("no key with this kid")
        await self._swap(ring, without)

    async def _swap(self, ring: Ring, following: Ring) -> None:
        if not await self._store.swap(ring.version, following):
            raise RingConflict("the key ring was changed meanwhile; look at it and try again")
        self._use(following)

    async def _stored(self) -> Ring:
        ring = await self._store.load()
        if ring is None:
            raise RingUnreadable("the key ring is gone")
        return ring

    def _make(self, alg: Algorithm, now: int) -> KeyRecord:
        key = generate(alg)
        jwk = public_jwk(key, alg)
        return KeyRecord(
            kid=jwk["kid"],
            alg=alg,
            state=KeyState.NEXT,
            published_at=now,
            public_jwk=jwk,
            sealed_private=self._sealer.seal(PURPOSE, private_bytes(key), jwk["kid"].encode()),
        )

    def _use(self, ring: Ring) -> None:
        signers: dict[str, Signer] = {
            record.alg: self._loaded.get(record.kid) or self._open(record)
            for record in ring.records
            if record.state is KeyState.ACTIVE
        }
        self._loaded = {signer.kid: signer for signer in signers.values()}
        self._signers = signers
        self._ring = ring
        self._jwks = jwks_document(ring)
        self._verification = import_jwks(self._jwks, frozenset(ALGORITHMS))

    def _open(self, record: KeyRecord) -> Signer:
        try:
            raw = self._sealer.open(PURPOSE, record.sealed_private, record.kid.encode())
        except SealBroken:
            raise RingUnreadable("a signing key does not open: wrong key-encryption key?") from None
        return Signer(record.kid, record.alg, load_private(raw))


def _algorithm(alg: str) -> Algorithm:
    for known in ALGORITHMS:
        if known == alg:
            return known
    raise NoSuchKey("no such algorithm")
