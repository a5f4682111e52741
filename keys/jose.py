"""The one door for JOSE: the caller says what is acceptable, the token never does.

joserfc does the mathematics; everything a header could talk a library into is refused before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from keys import base64url
from keys.errors import JoseRefused
from keys.roca import is_roca
from keys.strict_json import json_object
from keys.verified import _DOOR, VerifiedClaims

MAX_KEYS = 20
MAX_TIME: Final = 2**40
RSA_MIN_BITS, RSA_MAX_BITS = 2048, 8192
IAT_AHEAD_SECONDS = 10
JWT_OR_NONE: Final = frozenset({"JWT", None})
_FORBIDDEN_MEMBERS = frozenset(
    {"jwk", "jku", "x5u", "x5c"}  # a key, or where to find one
    | {"crit", "b64", "zip"}  # another reading of the rest
    | {"enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c"}  # encryption
)
"""Members that would tell the reader what to do. Others are ignored: RFC 7515 §4."""
_SHAPES = {
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
}
_REGISTRIES = {alg: JWSRegistry(algorithms=[alg], strict_check_header=False) for alg in _SHAPES}


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key, and the algorithms it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    key: Key


@dataclass(frozen=True, slots=True)
class VerificationKeys:
    """The public keys a caller accepts."""

    keys: tuple[VerificationKey, ...]

    def find(self, kid: str | None, alg: str) -> VerificationKey:
        """The one key that the header can mean.

        Raises: JoseRefused where there is none, or more than one and no `kid`.
        """
        fitting = [k for k in self.keys if alg in k.algorithms and kid in (None, k.kid)]
        if len(fitting) != 1:
            raise JoseRefused("no single key fits")
        return fitting[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """All that a caller demands of a JWT.

    Spec: RFC 8725 §3
    """

    algorithms: frozenset[str]
    typ: frozenset[str | None]
    """Accepted `typ` values; None among them stands for an absent one."""
    issuer: str
    audience: str
    required: frozenset[str] = frozenset({"exp"})
    max_bytes: int = 16384
    skew_seconds: int = 10
    max_lifetime_seconds: int | None = None
    allow_expired: bool = False
    audience_must_be_string: bool = False


def verify(token: str, keys: VerificationKeys, expect: Expectation, now: int) -> VerifiedClaims:
    """The claims of a JWT that fulfils every expectation.

    Spec: RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3
    Raises: JoseRefused; an exception inside a check is a refusal too.
    """
    header, payload = _parts(token, expect.max_bytes)
    alg = _check_header(header, expect)
    kid = header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise JoseRefused("kid")
    key = keys.find(kid, alg)
    try:
        jws.deserialize_compact(token, key.key, registry=_REGISTRIES[alg])
    except Exception:  # whatever goes wrong inside a check is a refusal
        raise JoseRefused("signature") from None
    claims = json_object(payload)
    _check_names(claims, expect)
    _check_times(claims, expect, now)
    return VerifiedClaims(_DOOR, claims, kid)


def _parts(token: str, max_bytes: int) -> tuple[dict[str, object], bytes]:
    if len(token) > max_bytes or not token.isascii():
        raise JoseRefused("size")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise JoseRefused("not a compact JWS")
    try:
        header, payload, _ = (base64url.decode(part) for part in parts)
    except ValueError:
        raise JoseRefused("base64url") from None
    return json_object(header), payload


def _check_header(header: Mapping[str, object], expect: Expectation) -> str:
    if not header.keys().isdisjoint(_FORBIDDEN_MEMBERS):
        raise JoseRefused("header member")
    alg, typ = header.get("alg"), header.get("typ")
    if not isinstance(alg, str) or alg not in expect.algorithms or alg not in _SHAPES:
        raise JoseRefused("algorithm")
    if "typ" in header and not isinstance(typ, str):
        raise JoseRefused("typ")
    if typ not in expect.typ:
        raise JoseRefused("typ")
    return alg


def _check_names(claims: Mapping[str, object], expect: Expectation) -> None:
    if not expect.required <= claims.keys():
        raise JoseRefused("claim missing")
    if claims.get("iss") != expect.issuer:
        raise JoseRefused("issuer")
    audience = claims.get("aud")
    if isinstance(audience, list) and not expect.audience_must_be_string:
        fits = audience == [expect.audience]
    else:
        fits = audience == expect.audience
    if not fits:
        raise JoseRefused("audience")


def _check_times(claims: Mapping[str, object], expect: Expectation, now: int) -> None:
    times = {name: _time(claims[name]) for name in ("exp", "iat", "nbf") if name in claims}
    expires_at = times.get("exp")
    expired = expires_at is not None and now >= expires_at + expect.skew_seconds
    if expired and not expect.allow_expired:
        raise JoseRefused("expired")
    for name in ("iat", "nbf"):
        if times.get(name, 0) > now + IAT_AHEAD_SECONDS:
            raise JoseRefused(f"{name} in the future")
    longest = expect.max_lifetime_seconds
    if longest is not None and (expires_at is None or expires_at > now + longest):
        raise JoseRefused("lives too long")


def _time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TIME:
        raise JoseRefused("time")
    return value


def import_jwks(
    document: bytes, algorithms: frozenset[str], *, max_keys: int = MAX_KEYS
) -> VerificationKeys:
    """The public keys of a JWK set, each bound to the algorithms its type can verify.

    Spec: RFC 7517 §5, RFC 8725 §3.5
    Raises: JoseRefused for private or symmetric keys, weak RSA, doubled kids, too many keys.
    """
    entries = json_object(document).get("keys")
    if not isinstance(entries, list) or not 0 < len(entries) <= max_keys:
        raise JoseRefused("jwks")
    keys = tuple(_public_key(entry, algorithms) for entry in entries)
    kids = [key.kid for key in keys]
    if len(set(kids)) != len(kids):
        raise JoseRefused("doubled kid")
    return VerificationKeys(keys)


def _public_key(entry: object, algorithms: frozenset[str]) -> VerificationKey:
    if not isinstance(entry, dict) or entry.keys() & {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}:
        raise JoseRefused("not a public key")
    kid, named = entry.get("kid"), entry.get("alg")
    if kid is not None and not isinstance(kid, str):
        raise JoseRefused("kid")
    shape = (entry.get("kty"), entry.get("crv") if entry.get("kty") != "RSA" else None)
    fitting = frozenset(a for a in algorithms if _SHAPES.get(a) == shape and named in (None, a))
    operations = entry.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    if not fitting or not verifies or entry.get("use", "sig") != "sig":
        raise JoseRefused("no algorithm for this key")
    try:
        key = _KEY_TYPES[shape[0]].import_key(entry)
        _ = key.public_key  # decodes the numbers: a point off the curve fails here
    except Exception:  # as in `verify`
        raise JoseRefused("malformed key") from None
    if isinstance(key, RSAKey):
        _check_rsa(key)
    return VerificationKey(kid, fitting, key)


_KEY_TYPES: dict[object, type[ECKey] | type[OKPKey] | type[RSAKey]] = {
    "EC": ECKey,
    "OKP": OKPKey,
    "RSA": RSAKey,
}


def _check_rsa(key: RSAKey) -> None:
    numbers = key.public_key.public_numbers()
    bits = numbers.n.bit_length()
    if not RSA_MIN_BITS <= bits <= RSA_MAX_BITS or not 3 <= numbers.e < 2**64 or numbers.e % 2 == 0:
        raise JoseRefused("weak RSA key")
    if is_roca(numbers.n):
        raise JoseRefused("RSA key of a broken generator")
