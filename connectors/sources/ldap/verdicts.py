"""What a directory's answer to a person's bind means. Pure."""

import re
from enum import Enum, auto

from connectors.errors import UpstreamRefused
from connectors.ldap.results import Result, ResultCode


class Verdict(Enum):
    """What a bind proved."""

    PROVED = auto()
    NOT_PROVED = auto()
    """Unknown, mistyped, or locked after too many guesses: which of them is not told."""
    CLOSED = auto()
    """The password is right; the account is disabled, expired, or may not come now."""
    PASSWORD_EXPIRED = auto()
    """The password is right, and must be changed first."""
    NOT_A_MEMBER = auto()
    """The password is right; none of the groups that may come in has the person."""
    SILENT = auto()
    """The directory cannot say now."""


_SUB_CODE = re.compile(r"\bdata ([0-9a-f]{1,8}),", re.ASCII)
_SUB_CODES = {
    "530": Verdict.CLOSED,  # not at this time
    "531": Verdict.CLOSED,  # not at this machine
    "532": Verdict.PASSWORD_EXPIRED,
    "533": Verdict.CLOSED,  # disabled
    "701": Verdict.CLOSED,  # expired
    "773": Verdict.PASSWORD_EXPIRED,  # must be changed at the first sign-in
}
"""Active Directory's, beside 52e (wrong), 525 (unknown) and 775 (locked out).

Why 775 is not told: it comes for wrong passwords, too, and would say which names there are.
"""
_BUSY = frozenset(
    {
        ResultCode.BUSY,
        ResultCode.UNAVAILABLE,
        ResultCode.TIME_LIMIT_EXCEEDED,
        ResultCode.OPERATIONS_ERROR,
        ResultCode.ADMIN_LIMIT_EXCEEDED,
    }
)
_WRONG = frozenset(
    {
        ResultCode.INVALID_CREDENTIALS,
        ResultCode.NO_SUCH_OBJECT,
        ResultCode.INAPPROPRIATE_AUTHENTICATION,
        ResultCode.INVALID_DN_SYNTAX,
    }
)


def verdict_of(result: Result) -> Verdict:
    """What the directory said of a person's bind.

    Spec: RFC 4511 §4.2.2, §4.1.10 (a referral is never followed)
    Raises: UpstreamRefused for an answer that no bind of ours can have.
    """
    if result.code is ResultCode.SUCCESS:
        return Verdict.PROVED
    if result.code in _WRONG:
        found = _SUB_CODE.search(result.text.lower())
        return _SUB_CODES.get(found[1], Verdict.NOT_PROVED) if found else Verdict.NOT_PROVED
    if result.code in _BUSY:
        return Verdict.SILENT
    if result.code is ResultCode.REFERRAL:
        raise UpstreamRefused("referral")
    raise UpstreamRefused(f"bind: {result.code.name.lower()}")
