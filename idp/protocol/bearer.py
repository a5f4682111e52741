"""Where an access token may stand in a request."""

from collections.abc import Sequence

from idp.errors import InvalidRequest, InvalidToken
from idp.protocol.form import Form

MAX_TOKEN = 8192


def read_bearer(authorization: Sequence[bytes], query: Form, body: Form | None) -> str:
    """The one bearer token of the request: in the header, or in a form body. Never in the query.

    Spec: RFC 6750 §2, RFC 9700 §4.3.2
    Raises: InvalidRequest, InvalidToken.
    """
    if "access_token" in query or "access_token" in query.repeated:
        raise InvalidRequest("an access token may not stand in the address")
    in_body = body is not None and ("access_token" in body or "access_token" in body.repeated)
    if len(authorization) + in_body > 1:
        raise InvalidRequest("more than one access token")
    if body is not None and in_body:
        body.refuse_repeated()
        return _bounded(body["access_token"])
    if not authorization:
        raise InvalidToken("")
    scheme, _, token = authorization[0].partition(b" ")
    if scheme.lower() != b"bearer" or not token.isascii():
        raise InvalidToken("the Authorization header is not a bearer token")
    return _bounded(token.decode("ascii"))


def _bounded(token: str) -> str:
    if not token or len(token) > MAX_TOKEN:
        raise InvalidToken("the access token is not valid")
    return token
