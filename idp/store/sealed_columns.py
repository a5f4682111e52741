"""Personal values at rest: sealed, each bound to its column and its row."""

import orjson

from connectors.contract import Birthdate, PersonAttributes
from keys.seal import Sealer

ATTRIBUTES = "subject.attributes"
USERNAME = "subject.username"
TOTP = "subject.totp"
_PLAIN = (
    "full_name", "gender", "personal_number", "tech_id", "tax_code", "enterprise_code",
    "business_name", "passport",
    "agency_code", "phone", "phone_verified", "email", "email_verified", "address", "updated_at",
)  # fmt: skip


def seal_attributes(sealer: Sealer, subject: str, attributes: PersonAttributes) -> bytes:
    """Sealed JSON of what is known; unknown members are left out."""
    document = {name: value for name in _PLAIN if (value := getattr(attributes, name))}
    if attributes.birthdate is not None:
        document["birthdate"] = attributes.birthdate.value
    return sealer.seal(ATTRIBUTES, orjson.dumps(document), subject.encode())


def open_attributes(sealer: Sealer, subject: str, sealed: bytes) -> PersonAttributes:
    """The attributes that `seal_attributes` sealed for this subject.

    Raises: SealBroken.
    """
    document = orjson.loads(sealer.open(ATTRIBUTES, sealed, subject.encode()))
    birthdate = document.pop("birthdate", None)
    return PersonAttributes(**document, birthdate=Birthdate(value=birthdate) if birthdate else None)
