"""Records as SCIM users. Pure.

Spec: RFC 7643 §4.1, §3.3 (extensions); RFC 7644 §3.4.2.2 (filters), §3.5.2 (PATCH)
"""

from collections.abc import Mapping

from connectors.mapping import Claim
from connectors.provisioning.messages import Record

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PLACES = frozenset({"name", "email", "phone_number", "address"})
"""Claims that have a place of their own in a SCIM user."""
_PATHS = {"email": "emails", "phone_number": "phoneNumbers", "address": "addresses"}
NO_PLACE = frozenset({"local_account", "email_verified", "phone_number_verified"})
"""Claims that a SCIM user says by other means, or cannot say: never sent."""


def attributes(record: Record, extension: str | None) -> dict[str, object]:
    """What a user is to hold: the released claims, each in one place, and whether it is active."""
    found: dict[str, object] = {"active": record.active}
    claims = record.claims
    if "name" in claims:
        found |= {"displayName": claims["name"], "name": {"formatted": claims["name"]}}
    if "email" in claims:
        found["emails"] = [{"value": claims["email"], "primary": True}]
    if "phone_number" in claims:
        found["phoneNumbers"] = [{"value": claims["phone_number"], "primary": True}]
    if "address" in claims:
        found["addresses"] = [{"formatted": _formatted(claims["address"]), "primary": True}]
    others = {name: claims[name] for name in claims.keys() - PLACES - NO_PLACE}
    if extension is not None and others:
        found[extension] = others
    return found


def new_user(record: Record, extension: str | None) -> dict[str, object]:
    """The body that creates the user of a record."""
    held = attributes(record, extension)
    schemas = [USER, *(name for name in held if name == extension)]
    return {
        "schemas": schemas,
        "userName": record.account,
        "externalId": record.account,
        **held,
    }


def changes(record: Record, extension: str | None) -> dict[str, object]:
    """The body that makes an existing user hold what the record says, and leaves alone what no rule names."""
    held = attributes(record, extension)
    operations: list[dict[str, object]] = [
        {"op": "replace", "path": name, "value": value} for name, value in held.items()
    ]
    operations += [{"op": "remove", "path": path} for path in _withdrawn(record, extension)]
    return {"schemas": [PATCH], "Operations": operations}


def _withdrawn(record: Record, extension: str | None) -> list[str]:
    """Where a user may still hold what the person has no more. A name is replaced, never removed.

    Spec: RFC 7644 §3.5.2.2; §3.10 (attributes of an extension)
    """
    paths = [_PATHS[name] for name in sorted(record.withdrawn & _PATHS.keys())]
    others = sorted(record.withdrawn - PLACES - NO_PLACE)
    return paths + ([] if extension is None else [f"{extension}:{name}" for name in others])


def search_request(account: str) -> dict[str, object]:
    """The body that finds one account, whatever characters its name has.

    Spec: RFC 7644 §3.4.3; §7.5.2 (no name of a person in an address)
    """
    quoted = account.replace("\\", "\\\\").replace('"', '\\"')
    return {
        "schemas": [SEARCH],
        "filter": f'userName eq "{quoted}"',
        "attributes": ["userName"],
    }


def bulk_request(operations: list[Mapping[str, object]]) -> dict[str, object]:
    """Operations in order; the server stops at the first that fails.

    Spec: RFC 7644 §3.7
    """
    return {"schemas": [BULK], "failOnErrors": 1, "Operations": operations}


def _formatted(address: Claim) -> object:
    return address.get("formatted") if isinstance(address, dict) else address
