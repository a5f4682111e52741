"""VNeID directly: no ID token, no nonce, and answers in an envelope that only we can open.

Known from one open adapter; the cipher modes are not published, so the table of the source names
them (`keys/envelope.py`).
"""

from collections.abc import Mapping

from connectors.contract import AccountKind, PersonAttributes
from connectors.errors import UpstreamRefused
from connectors.sources.model import Source, UpstreamIdentity
from connectors.sources.oidc import authentication_of
from connectors.sources.told import Told
from keys.envelope import open_envelope
from keys.errors import JoseRefused, NoSuchKey, SealBroken
from keys.pem import load_private_pem
from keys.strict_json import json_object

LEVELS = {"1": 1, "2": 2}
KINDS = {"1": AccountKind.CITIZEN, "2": AccountKind.BUSINESS}


def opened(source: Source, document: Mapping[str, object]) -> dict[str, object]:
    """What the envelope holds.

    Raises: UpstreamRefused where the answer is none, or was sealed for another key.
    """
    data, key = document.get("data"), document.get("key")
    if source.envelope is None or not isinstance(data, str) or not isinstance(key, str):
        raise UpstreamRefused("envelope")
    try:
        private_key = load_private_pem(source.envelope.key_pem)
        payload = open_envelope(
            data, key, private_key, source.envelope.wrap, source.envelope.cipher
        )
        return json_object(payload)
    except (SealBroken, NoSuchKey, JoseRefused):
        raise UpstreamRefused("envelope") from None


def identity_of(source: Source, userinfo: Mapping[str, object]) -> UpstreamIdentity:
    """The person: `citizenPid` is subject and personal number alike.

    Raises: UpstreamRefused.
    """
    told = Told(userinfo)
    number = told.personal_number("citizenPid")
    kind = KINDS.get(told.code("accountType") or "")
    if number is None or kind is None:
        raise UpstreamRefused("subject" if number is None else "account_kind")
    return UpstreamIdentity(
        source=source.source_id,
        issuer=source.issuer,
        subject=number,
        kind=kind,
        authentication=authentication_of(source, None, told.code("accountLevel")),
        attributes=PersonAttributes(
            full_name=told.full_name("fullName"),
            birthdate=told.birthdate("birthDate"),
            personal_number=number,
        ),
    )
