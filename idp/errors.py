"""Every refusal of the provider.

    OAuthError                       a protocol refusal; `code` is the RFC's, `description` is public
    ├── InvalidRequest               RFC 6749 §4.1.2.1, §5.2
    ├── InvalidClient                RFC 6749 §5.2
    ├── InvalidGrant                 RFC 6749 §5.2
    ├── UnauthorizedClient           RFC 6749 §5.2
    ├── UnsupportedGrantType         RFC 6749 §5.2
    ├── UnsupportedResponseType      RFC 6749 §4.1.2.1
    ├── InvalidScope                 RFC 6749 §5.2
    ├── AccessDenied                 RFC 6749 §4.1.2.1
    ├── LoginRequired                OIDC Core §3.1.2.6
    ├── ConsentRequired              OIDC Core §3.1.2.6
    ├── InteractionRequired          OIDC Core §3.1.2.6
    ├── UnmetAuthenticationRequirements  OIDC Unmet Authentication Requirements 1.0
    ├── RequestNotSupported          OIDC Core §3.1.2.6
    ├── RequestUriNotSupported       OIDC Core §3.1.2.6
    ├── RegistrationNotSupported     OIDC Core §3.1.2.6
    ├── InvalidTarget                RFC 8707 §2
    ├── InvalidToken                 RFC 6750 §3.1
    ├── InsufficientScope            RFC 6750 §3.1
    └── TemporarilyUnavailable       RFC 6749 §4.1.2.1
    PageRefused                      shown to the person; may never redirect
    TooManyAttempts                  429 with Retry-After, on pages and endpoints alike
    Overloaded                       503 with Retry-After

`description` never echoes input; `detail` is for the log and holds no personal data; `client` is
for the audit, where whoever refuses knows it better than the request says.
The HTTP status is decided in `web/answers.py` alone.
"""

from typing import ClassVar


class OAuthError(Exception):
    """A refusal with a code from an RFC."""

    code: ClassVar[str]
    spec: ClassVar[str]

    def __init__(self, description: str, *, detail: str = "", client: str = "") -> None:
        super().__init__(description)
        self.description = description
        self.detail = detail
        self.client = client


class InvalidRequest(OAuthError):
    code = "invalid_request"
    spec = "RFC 6749 §4.1.2.1, §5.2"


class InvalidClient(OAuthError):
    code = "invalid_client"
    spec = "RFC 6749 §5.2"


class InvalidGrant(OAuthError):
    code = "invalid_grant"
    spec = "RFC 6749 §5.2"


class UnauthorizedClient(OAuthError):
    code = "unauthorized_client"
    spec = "RFC 6749 §5.2"


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"
    spec = "RFC 6749 §5.2"


class UnsupportedResponseType(OAuthError):
    code = "unsupported_response_type"
    spec = "RFC 6749 §4.1.2.1"


class InvalidScope(OAuthError):
    code = "invalid_scope"
    spec = "RFC 6749 §5.2"


class AccessDenied(OAuthError):
    code = "access_denied"
    spec = "RFC 6749 §4.1.2.1"


class LoginRequired(OAuthError):
    code = "login_required"
    spec = "OIDC Core §3.1.2.6"


class ConsentRequired(OAuthError):
    code = "consent_required"
    spec = "OIDC Core §3.1.2.6"


class InteractionRequired(OAuthError):
    code = "interaction_required"
    spec = "OIDC Core §3.1.2.6"


class UnmetAuthenticationRequirements(OAuthError):
    code = "unmet_authentication_requirements"
    spec = "OIDC Unmet Authentication Requirements 1.0"


class RequestNotSupported(OAuthError):
    code = "request_not_supported"
    spec = "OIDC Core §3.1.2.6"


class RequestUriNotSupported(OAuthError):
    code = "request_uri_not_supported"
    spec = "OIDC Core §3.1.2.6"


class RegistrationNotSupported(OAuthError):
    code = "registration_not_supported"
    spec = "OIDC Core §3.1.2.6"


class InvalidTarget(OAuthError):
    code = "invalid_target"
    spec = "RFC 8707 §2"


class InvalidToken(OAuthError):
    code = "invalid_token"
    spec = "RFC 6750 §3.1"


class InsufficientScope(OAuthError):
    code = "insufficient_scope"
    spec = "RFC 6750 §3.1"


class TemporarilyUnavailable(OAuthError):
    code = "temporarily_unavailable"
    spec = "RFC 6749 §4.1.2.1"


class PageRefused(Exception):
    """A refusal that is shown to the person and never redirected.

    `reason` names a text in `web/texts.py`; it is a key of ours, never input.
    """

    def __init__(self, reason: str, *, status: int = 400, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.detail = detail


class TooManyAttempts(Exception):
    """A limit was reached."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"retry after {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Overloaded(Exception):
    """We, or a store behind us, cannot take this now. Nothing was done."""

    def __init__(self, detail: str, retry_after_seconds: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
