"""What a successful token request gives back."""

from dataclasses import field

from idp.protocol.scopes import wire
from keys.values import hot_value


@hot_value
class TokenSet:
    """The members of a token response."""

    access_token: str = field(repr=False)
    expires_in_seconds: int
    scopes: frozenset[str]
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)

    def as_response(self) -> dict[str, object]:
        """The members in the names of the RFC.

        Spec: RFC 6749 §5.1, OIDC Core §3.1.3.3
        """
        response: dict[str, object] = {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in_seconds,
        }
        if self.scopes:  # an empty value would not be the RFC's grammar
            response["scope"] = wire(self.scopes)
        if self.refresh_token is not None:
            response["refresh_token"] = self.refresh_token
        if self.id_token is not None:
            response["id_token"] = self.id_token
        return response
