"""A client acting for itself."""

from idp.errors import UnauthorizedClient
from idp.flows.token_set import TokenSet
from idp.flows.tokens import TokenMint
from idp.model import GrantType
from idp.protocol.client_auth import AuthenticatedClient
from idp.protocol.form import Form
from idp.protocol.scopes import client_scopes


def client_credentials(
    mint: TokenMint, proof: AuthenticatedClient, form: Form, now: int
) -> TokenSet:
    """A token without a person behind it.

    Spec: RFC 6749 §4.4
    Raises: InvalidScope, UnauthorizedClient.
    """
    client = proof.client
    if not client.confidential or GrantType.CLIENT_CREDENTIALS not in client.grant_types:
        raise UnauthorizedClient("this client is not registered for the grant")
    scopes = client_scopes(form.get("scope"), client)
    return TokenSet(
        access_token=mint.client_token(client, scopes, now),
        expires_in_seconds=client.access_token_seconds,
        scopes=scopes,
    )
