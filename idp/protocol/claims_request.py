"""The `claims` parameter: single claims asked for by name."""

import json
import re
from dataclasses import dataclass

from connectors.contract import Assurance
from idp.errors import InvalidRequest, UnmetAuthenticationRequirements

MAX_LENGTH = 2048
MAX_CLAIMS = 40
_NAME = re.compile(r"[A-Za-z0-9_.:/#-]{1,100}", re.ASCII)
"""Names of ours are of these characters. Others cannot be known, and would be carried for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsRequest:
    """Names only; of requested values, those of `sub` and `acr` decide something."""

    id_token: frozenset[str] = frozenset()
    userinfo: frozenset[str] = frozenset()
    sub: str | None = None
    acr: Assurance | None = None

    def compact(self) -> str:
        """What is carried in the code and the family: names per place, or an empty string."""
        if not self.id_token and not self.userinfo:
            return ""
        return json.dumps([sorted(self.id_token), sorted(self.userinfo)], separators=(",", ":"))


NOTHING = ClaimsRequest()


def names_of(compact: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names for the ID token and for userinfo out of `ClaimsRequest.compact`."""
    if not compact:
        return frozenset(), frozenset()
    in_id_token, in_userinfo = json.loads(compact)
    return frozenset(in_id_token), frozenset(in_userinfo)


def parse_claims(text: str | None) -> ClaimsRequest:
    """Read the parameter; members that nobody knows are ignored.

    Spec: OIDC Core §5.5
    Raises: InvalidRequest, UnmetAuthenticationRequirements.
    """
    if text is None:
        return NOTHING
    if len(text) > MAX_LENGTH or text.count("{") > MAX_CLAIMS + 3 or text.count("[") > MAX_CLAIMS:
        raise InvalidRequest("claims is too large")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("claims is not JSON") from None
    if not isinstance(document, dict):
        raise InvalidRequest("claims must be a JSON object")
    id_token = _members(document.get("id_token"))
    userinfo = _members(document.get("userinfo"))
    return ClaimsRequest(
        id_token=frozenset(filter(_NAME.fullmatch, id_token)),
        userinfo=frozenset(filter(_NAME.fullmatch, userinfo)),
        sub=_single_value(id_token.get("sub")) or _single_value(userinfo.get("sub")),
        acr=_essential_acr(id_token.get("acr")),
    )


def _members(place: object) -> dict[str, object]:
    if place is None:
        return {}
    if not isinstance(place, dict) or len(place) > MAX_CLAIMS:
        raise InvalidRequest("claims: each place must be a JSON object of claims")
    if not all(member is None or isinstance(member, dict) for member in place.values()):
        raise InvalidRequest("claims: each claim must be null or an object")
    return place


def _single_value(member: object) -> str | None:
    value = member.get("value") if isinstance(member, dict) else None
    return value if isinstance(value, str) else None


def _essential_acr(member: object) -> Assurance | None:
    """Spec: OIDC Core §5.5.1.1 (an essential level that cannot be met is a failed sign-in)."""
    if not isinstance(member, dict) or member.get("essential") is not True:
        return None
    wanted = member.get("values") or [member.get("value")]
    if not isinstance(wanted, list):
        raise InvalidRequest("claims: acr values must be a list")
    named = [value for value in wanted if value is not None]
    level = lowest_assurance([value for value in named if isinstance(value, str)])
    if named and level is None:
        raise UnmetAuthenticationRequirements("none of the essential acr values is known")
    return level


def lowest_assurance(acr_values: list[str]) -> Assurance | None:
    """The lowest level that satisfies the list; values that nobody knows are ignored."""
    if not acr_values:
        return None
    known = [level for level in Assurance if level.acr in acr_values]
    return min(known, default=None)
