"""Which claims this client gets of this person, now."""

from collections.abc import Mapping

from connectors.contract import (
    AccountId,
    LocalAccount,
    SignInResult,
    SystemId,
    VerifiedIdentity,
    WhenUnlinked,
)
from connectors.errors import RequiredClaimMissing
from connectors.mapping import STANDARD_RULES, Claim, ClaimRule, claims_for
from connectors.registry import System
from idp.errors import AccessDenied, InvalidGrant, InvalidToken
from idp.model import Client, ClientId, Family, FamilyStanding
from idp.protocol.claims_request import names_of


def claims_of_sign_in(
    system: System, result: SignInResult, releases: frozenset[str]
) -> Mapping[str, Claim]:
    """What a system is told in the answer to a sign-in, for the dialects that answer with claims.

    Raises: AccessDenied where the system asks for a claim as required, and nobody knows it.
    """
    try:
        return claims_for(system.claims, result.identity, result.account, releases, frozenset())
    except RequiredClaimMissing as missing:
        raise AccessDenied("the system asks for a claim that is not known") from missing


class ReleasedClaims:
    """Applies a system's claim rules, or the standard table for a client without a system."""

    def __init__(self, systems: Mapping[SystemId, System]) -> None:
        self._systems = systems
        self._rules: dict[ClientId, tuple[ClaimRule, ...]] = {}

    def rules_of(self, client: Client) -> tuple[ClaimRule, ...]:
        """The rules that bind this client: a request by name reaches no further than its scopes."""
        rules = self._rules.get(client.client_id)
        if rules is None:
            declared = self._systems[client.system].claims if client.system else STANDARD_RULES
            rules = tuple(rule for rule in declared if rule.scope in client.scopes)
            self._rules[client.client_id] = rules
        return rules

    def of_family(
        self,
        client: Client,
        standing: FamilyStanding,
        scopes: frozenset[str],
        requested: frozenset[str],
    ) -> Mapping[str, object]:
        """The claims, from what is true at this moment.

        Spec: OIDC Core §5.3.2, §5.4, §5.5
        Raises: InvalidToken where the system asks for a link, or for a claim as required, and there
        is none any more.
        """
        family = standing.family
        identity = VerifiedIdentity(
            subject=family.subject,
            sub=family.sub,
            kind=standing.kind,
            assurance=family.assurance,
            amr=family.amr,
            authenticated_at=family.authenticated_at,
            attributes=standing.attributes,
        )
        account = self._account(client, standing.accounts)
        try:
            return claims_for(self.rules_of(client), identity, account, scopes, requested)
        except RequiredClaimMissing:
            raise InvalidToken(
                "the access token is not valid", detail="required claim", client=client.client_id
            ) from None

    def any_in_id_token(self, client: Client, family: Family) -> bool:
        """Whether an ID token carries claims: only where the registration, or the request, says so."""
        return client.claims_in_id_token or bool(names_of(family.claims_request)[0])

    def in_id_token(
        self, client: Client, standing: FamilyStanding, scopes: frozenset[str]
    ) -> Mapping[str, object]:
        """The claims of an ID token with these scopes: the first one and every refreshed one.

        Spec: OIDC Core §5.4, §5.5, §12.2
        Raises: InvalidGrant where `of_family` would refuse.
        """
        if not self.any_in_id_token(client, standing.family):
            return {}
        asked, _ = names_of(standing.family.claims_request)
        opened = scopes if client.claims_in_id_token else frozenset[str]()
        try:
            return self.of_family(client, standing, opened, asked)
        except InvalidToken as refused:
            raise InvalidGrant("the grant is not valid", detail=refused.detail) from None

    def _account(self, client: Client, accounts: tuple[AccountId, ...]) -> LocalAccount | None:
        if client.system is None:
            return None
        if accounts:
            return LocalAccount(system=client.system, account=accounts[0])
        if self._systems[client.system].when_unlinked is not WhenUnlinked.NOT_NEEDED:
            raise InvalidToken("the access token is not valid", detail="link ended")
        return None
