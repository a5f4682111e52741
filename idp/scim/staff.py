"""What a pushed user means to the provider. Pure.

Nothing that a register says is verified: e-mail and telephone are known, not proven, and no
identifier that links people to other systems (personal number, tax code) can be pushed.
"""

from collections.abc import Sequence

from scim2_models import UniquenessException

from connectors.contract import PersonAttributes
from idp.authn.password_policy import refusal
from idp.authn.usernames import UsernameRefused, fold
from idp.scim.errors import OurWords
from idp.scim.resources import Email, PhoneNumber, User

MAX_NAME = 200
NAME_TAKEN = UniquenessException(detail="The userName is taken")


def folded_name(user: User) -> str:
    """The user name as the login folds it: twins by case, width and composition are one name.

    Raises: OurWords.
    """
    try:
        return fold(user.user_name or "")
    except UsernameRefused:
        raise OurWords(detail="The userName cannot be a user name") from None


def full_name(user: User) -> str:
    """One full name: as formatted, or as shown, or family, middle and given name in this order.

    Raises: OurWords.
    """
    name = user.name
    parts = (name.family_name, name.middle_name, name.given_name) if name else ()
    joined = " ".join(part.strip() for part in parts if part and part.strip())
    found = (name.formatted if name else None) or user.display_name or joined or user.user_name
    told = (found or "").strip()
    if not told or len(told) > MAX_NAME:
        raise OurWords(detail="The name of the user is empty or too long")
    return told


def attributes(user: User, agency_code: str | None, now: int) -> PersonAttributes:
    """What is known of the person from now on, none of it verified.

    Raises: OurWords.
    """
    return PersonAttributes(
        full_name=full_name(user),
        email=_chosen(user.emails or ()),
        phone=_chosen(user.phone_numbers or ()),
        agency_code=agency_code,
        updated_at=now,
    )


def _chosen(values: Sequence[Email | PhoneNumber]) -> str | None:
    """The primary value, or else the first."""
    told = [each for each in values if each.value]
    primary = [each for each in told if each.primary]
    return (primary or told)[0].value if told else None


def check_password(password: str, username: str) -> None:
    """The policy of every new password; an account that a register made has no second factor yet.

    Spec: NIST SP 800-63B-4 §3.1.1.2
    Raises: OurWords.
    """
    reason = refusal(password, username=username, second_factor=False)
    if reason is not None:
        raise OurWords(detail=f"The password is refused: {reason}")
