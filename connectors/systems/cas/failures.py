"""Why a CAS request is refused."""

from enum import StrEnum

from connectors.errors import ConnectorsError


class FailureCode(StrEnum):
    """Spec: CAS Protocol 3.0 §2.5.3, §2.7.3."""

    INVALID_REQUEST = "INVALID_REQUEST"
    INVALID_TICKET_SPEC = "INVALID_TICKET_SPEC"
    INVALID_TICKET = "INVALID_TICKET"
    INVALID_SERVICE = "INVALID_SERVICE"
    INVALID_PROXY_CALLBACK = "INVALID_PROXY_CALLBACK"
    UNAUTHORIZED_SERVICE = "UNAUTHORIZED_SERVICE"


class CasRefused(ConnectorsError):
    """A refusal in the words of CAS; `detail` is for the log, `participant` for the audit."""

    def __init__(self, code: FailureCode, *, detail: str = "", participant: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.participant = participant
