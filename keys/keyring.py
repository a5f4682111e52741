"""The ring in use: loaded once, signing from memory, changed only by compare-and-swap."""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import rsa

from keys.certificates import certificate_of
from keys.errors import NoSuchKey, RingConflict, RingUnreadable, RingUnwritable, SealBroken
from keys.jose import VerificationKeys, import_jwks
from keys.jwks import generate, jwks_document, load_private, private_bytes, public_jwk
from keys.ring import ALGORITHMS, Algorithm, KeyRecord, KeyState, Ring
from keys.rotation import NotYet, Rotated, RotationPolicy, first_ring, plan, revoke, rotate
from keys.seal import Sealer
from keys.signer import Signer
from keys.sql import StoreUnavailableError
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
        self._opened: dict[str, _Opened] = {}
        self._ring = Ring(version=0, records=())

    @classmethod
    async def load(
        cls, store: KeyStore, sealer: Sealer, policy: RotationPolicy, now: int
    ) -> "KeyRing":
        """The stored ring; where there is none, a first one on which all nodes agree.

        A ring that can be read and not written (a full disk) is used as it is.

        Raises: RingUnreadable, RingUnwritable.
        """
        keyring = cls(store, sealer, policy)
        if await store.load() is None:
            await store.swap(None, first_ring(policy, keyring._make, now))
        try:
            await keyring.refresh(now)
        except (RingUnwritable, StoreUnavailableError):
            if not keyring._signers:
                raise
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

    def certificates(self) -> tuple[bytes, ...]:
        """The certificates of all RSA keys for RS256, in DER: the active one first, then the next
        and the retiring ones. A key that will sign is here as long before as it is in the JWKS.
        """
        order = (KeyState.ACTIVE, KeyState.NEXT, KeyState.RETIRING)
        records = [r for r in self._ring.records if r.alg == "RS256"]
        records.sort(key=lambda record: order.index(record.state))
        return tuple(self._opened[record.kid].certificate for record in records)

    def listing(self) -> tuple[KeyRecord, ...]:
        """Every key of the ring, for people to read."""
        return self._ring.records

    async def refresh(self, now: int) -> None:
        """Load what other nodes did, and do what time asks for.

        What was loaded is in use before anything is written: a key that was revoked elsewhere is
        gone here even where nothing can be stored.

        Raises: RingUnreadable, RingUnwritable.
        """
        for _ in range(_ATTEMPTS):
            ring = await self._stored()
            self._use(ring)
            following = plan(ring, self._policy, self._make, now)
            if following is None:
                return
            if await self._store.swap(ring.version, following):
                self._use(following)
                return

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
        if ring == self._ring:
            return
        opened = {r.kid: self._open(r) for r in ring.records}
        jwks = jwks_document(ring)
        verification = import_jwks(jwks, frozenset(ALGORITHMS), max_keys=len(ring.records))
        self._signers = {
            record.alg: opened[record.kid].signer
            for record in ring.records
            if record.state is KeyState.ACTIVE
        }
        self._opened, self._ring, self._jwks, self._verification = opened, ring, jwks, verification

    def _open(self, record: KeyRecord) -> "_Opened":
        """The key pair of a record, once it is certain that we made it.

        Why every record, not only the active one: whoever can write the store could otherwise
        plant a public key of his own, and we would publish it.
        """
        known = self._opened.get(record.kid)
        if known is None or known.sealed != record.sealed_private:
            known = self._unseal(record)
        made = (known.signer.kid, known.signer.alg, known.public_jwk)
        if (record.kid, record.alg, record.public_jwk) != made or record.kid != made[2]["kid"]:
            raise RingUnreadable("a public key in the ring is not that of its private key")
        return known

    def _unseal(self, record: KeyRecord) -> "_Opened":
        try:
            raw = self._sealer.open(PURPOSE, record.sealed_private, record.kid.encode())
            key = load_private(raw)
            signer = Signer(record.kid, record.alg, key)
        except SealBroken:
            raise RingUnreadable("a signing key does not open: wrong key-encryption key?") from None
        except (ValueError, TypeError, KeyError):
            raise RingUnreadable("a signing key is not one of its algorithm") from None
        certificate = b""
        if isinstance(key, rsa.RSAPrivateKey) and record.alg == "RS256":
            certificate = certificate_of(key, record.kid, record.published_at)
        return _Opened(record.sealed_private, public_jwk(key, record.alg), signer, certificate)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A key pair of the ring, opened once."""

    sealed: bytes
    public_jwk: dict[str, str]
    signer: Signer
    certificate: bytes


def _algorithm(alg: str) -> Algorithm:
    for known in ALGORITHMS:
        if known == alg:
            return known
    raise NoSuchKey("no such algorithm")
