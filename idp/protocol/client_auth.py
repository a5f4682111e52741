"""How a client says who it is. Only this module constructs an `AuthenticatedClient`."""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from idp.errors import InvalidClient, InvalidGrant, InvalidRequest
from idp.model import Client, ClientAuthMethod, ClientId
from idp.protocol.form import Form
from idp.protocol.jwt_peek import unverified_member

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_HEADER = 4096


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """The proof that a request came from this client (or that it is public and named itself)."""

    client: Client


@dataclass(frozen=True, slots=True)
class SecretCredential:
    """RFC 6749 §2.3.1."""

    client_id: ClientId
    method: ClientAuthMethod
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssertionCredential:
    """RFC 7523 §2.2. The client is whoever the assertion proves to be."""

    assertion: str = field(repr=False)

    @property
    def client_id(self) -> ClientId:
        """Whom it speaks of; proves nothing before it is verified."""
        return ClientId(unverified_member(self.assertion, "sub") or "")


@dataclass(frozen=True, slots=True)
class NoCredential:
    """A public client names itself (RFC 6749 §3.2.1)."""

    client_id: ClientId


Credential = SecretCredential | AssertionCredential | NoCredential


def read_credential(authorization: Sequence[bytes], form: Form) -> Credential:
    """Exactly one way of authenticating was used.

    Spec: RFC 6749 §2.3 (no more than one method in a request)
    Raises: InvalidRequest, InvalidClient.
    """
    form.refuse_repeated()
    if len(authorization) > 1:
        raise InvalidRequest("more than one Authorization header")
    ways = [bool(authorization), "client_secret" in form, "client_assertion" in form]
    if sum(ways) > 1:
        raise InvalidRequest("more than one client authentication method")
    body_id = ClientId(form["client_id"]) if "client_id" in form else None
    if authorization:
        return _basic(authorization[0])
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise InvalidClient("client_assertion_type is not supported")
        return AssertionCredential(form["client_assertion"])
    if body_id is None:
        raise InvalidClient("client authentication is missing")
    if "client_secret" in form:
        return SecretCredential(body_id, ClientAuthMethod.SECRET_POST, form["client_secret"])
    return NoCredential(body_id)


def _basic(header: bytes) -> SecretCredential:
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic" or len(header) > MAX_HEADER:
        raise InvalidClient("the Authorization header is not a Basic credential")
    try:
        user, colon, secret = b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (BadBase64, ValueError):
        raise InvalidClient("the Authorization header is not a Basic credential") from None
    if not colon:
        raise InvalidClient("the Authorization header is not a Basic credential")
    client_id = ClientId(unquote_plus(user))
    return SecretCredential(client_id, ClientAuthMethod.SECRET_BASIC, unquote_plus(secret))


def check_named(client: Client, form: Form) -> None:
    """A body that names a client names the one that was proven.

    Spec: RFC 7521 §4.2, RFC 6749 §5.2 (a code "issued to another client" is an invalid grant)
    Raises: InvalidGrant where a code is redeemed, else InvalidRequest.
    """
    if form.get("client_id", client.client_id) == client.client_id:
        return
    if form.get("grant_type") == "authorization_code":
        raise InvalidGrant("the code was issued to another client", client=client.client_id)
    raise InvalidRequest("client_id is not the authenticated client", client=client.client_id)


def check_secret(
    credential: SecretCredential | NoCredential, clients: Mapping[ClientId, Client]
) -> AuthenticatedClient:
    """The client is registered for this very method, is enabled, and its secret fits.

    Spec: RFC 6749 §2.3.1
    Raises: InvalidClient, with one text for every reason.
    """
    client = clients.get(credential.client_id)
    if isinstance(credential, NoCredential):
        if client is None or client.disabled or client.auth_method is not ClientAuthMethod.NONE:
            raise InvalidClient("client authentication failed")
        return AuthenticatedClient(client)
    digest = hashlib.sha256(credential.secret.encode()).digest()
    digests = client.secret_digests if client is not None else ()
    fits = [hmac.compare_digest(digest, known) for known in digests]
    if client is None or client.disabled or client.auth_method is not credential.method:
        raise InvalidClient("client authentication failed")
    if not any(fits):
        raise InvalidClient("client authentication failed")
    return AuthenticatedClient(client)


def claimed_client(authorization: Sequence[bytes], form: Form) -> ClientId:
    """Whom a request names as its client, by whichever way. Proves nothing; never raises."""
    try:
        credential = read_credential(authorization, form)
    except (InvalidClient, InvalidRequest):
        return ClientId(form.get("client_id", ""))
    return credential.client_id


def accept_proven(client: Client) -> AuthenticatedClient:
    """The client whose assertion `flows.client_authentication` has verified and fenced."""
    return AuthenticatedClient(client)
