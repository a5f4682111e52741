"""The key set of somebody else's provider: what we can use of it, and nothing that we cannot."""

import json

from keys.errors import JoseRefused
from keys.jose import MAX_KEYS, VerificationKey, VerificationKeys, import_jwks
from keys.strict_json import json_object


def import_foreign_jwks(document: bytes, algorithms: frozenset[str]) -> VerificationKeys:
    """The keys of the set that may verify one of these algorithms; others are passed over.

    Why: a provider publishes keys for encryption and for algorithms of other clients in the same
    set. A weak, private or malformed key is passed over too: it never verifies anything.

    Spec: RFC 7517 §5 (implementations should ignore keys that they do not understand)
    Raises: JoseRefused where the set cannot be read, is too long, or names a `kid` twice.
    """
    entries = json_object(document).get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise JoseRefused("jwks")
    keys = tuple(key for entry in entries for key in _usable(entry, algorithms))
    kids = [key.kid for key in keys]
    if len(set(kids)) != len(kids):
        raise JoseRefused("doubled kid")
    return VerificationKeys(keys)


def _usable(entry: object, algorithms: frozenset[str]) -> tuple[VerificationKey, ...]:
    try:
        return import_jwks(json.dumps({"keys": [entry]}).encode(), algorithms).keys
    except JoseRefused:
        return ()
