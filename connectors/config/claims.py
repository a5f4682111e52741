"""`claims` of a system: what it may know of a person, one rule for each claim."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from connectors.config.checked import Table
from connectors.config.problems import Place, Problem
from connectors.mapping import ClaimRule, Source, Transform

RESERVED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "nonce", "amr", "auth_time", "azp"}
    | {"at_hash", "c_hash", "events", "act", "state"}
    | {"authenticationDate", "isFromNewLogin", "longTermAuthenticationRequestTokenUsed"}
)
"""What a token says of itself; a rule that named one would speak in the token's own voice."""
OWN_SOURCE = {"local_account": Source.LOCAL_ACCOUNT, "acr": Source.ACR}
"""Claims that systems act upon: they come from where their name says, or not at all."""


def _not_reserved(claim: str) -> str:
    if claim in RESERVED_CLAIMS:
        raise ValueError("another name (tokens use this one themselves)")
    return claim


class RuleTable(Table):
    """One released claim."""

    claim: Annotated[
        str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,59}$"), AfterValidator(_not_reserved)
    ]
    source: Source
    transform: Transform = Transform.NONE
    required: bool = False
    scope: str = "openid"

    @model_validator(mode="after")
    def _from_its_own_source(self) -> "RuleTable":
        source = OWN_SOURCE.get(self.claim, self.source)
        if self.source is not source or (
            self.claim in OWN_SOURCE and self.transform is not Transform.NONE
        ):
            raise ValueError(f"{self.claim} to come from {source} as it is, or another name")
        return self


def rules_of(claims: tuple[RuleTable, ...] | None) -> tuple[ClaimRule, ...] | None:
    """The rules of a table; None where it leaves them to the standard ones."""
    return None if claims is None else tuple(ClaimRule(**rule.model_dump()) for rule in claims)


def claimed_twice(names: Sequence[str], place: Place) -> list[Problem]:
    """A claim that two rules would fill."""
    return [
        place.at(number, "claim").problem("each claim only once")
        for number, claim in enumerate(names)
        if claim in names[:number]
    ]
