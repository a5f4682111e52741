"""The shape of the National Portal's sign-on (VNConnect): its paths, on our endpoints.

A client of it moves to us by changing a host name: same paths, same parameters, same claim names
(the claim rules of its system name them). It is OpenID Connect underneath, so everything that holds
there holds here: the door is `OidcDoor`, for the clients of this dialect alone.
"""

VNCONNECT_AUTHORIZE = "/oauth2/authorize"
VNCONNECT_LOGOUT = "/oidc/logout"
VNCONNECT_PATHS = {
    "/oauth2/token": "/token",
    "/oauth2/userinfo": "/userinfo",
    "/oauth2/introspect": "/introspect",
    "/oauth2/revoke": "/revoke",
    "/oauth2/jwks": "/jwks",
}
"""Their path, and our endpoint that answers there."""
