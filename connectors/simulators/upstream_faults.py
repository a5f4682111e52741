"""What can go wrong above, to be switched on while a simulator runs."""

from enum import StrEnum


class Fault(StrEnum):
    """The closed list of faults."""

    SLOW = "slow"
    """The token endpoint answers after five seconds."""
    DOWN = "down"
    """Every endpoint answers 503."""
    WRONG_CLAIMS = "wrong_claims"
    """The kind of account is missing, and the name is a list."""
    REISSUED_NUMBER = "reissued_number"
    """The person comes with another personal number than before, under the same subject."""
    SWAPPED_NAMES = "swapped_names"
    """Family and given name change places."""
    YEAR_ONLY = "year_only"
    """Only the year of birth is told."""
    EXPIRED = "expired"
    """The ID token is an hour too old; where there is none, the envelope is for a key of last year."""
    CODE_REPLAY = "code_replay"
    """The code of the last person is handed out again, and redeemed again."""
    NO_NONCE = "no_nonce"
    """The nonce does not come back, and the token says that none is supported."""
    WRONG_KEY = "wrong_key"
    """The ID token is signed with a key that is not published."""
    NO_PAR = "no_par"
    """A pushed request is refused."""
    PAR_NONSENSE = "par_nonsense"
    """The answer to a pushed request is no JSON."""
    PAR_EXPIRED = "par_expired"
    """The reference to a pushed request is over when it is given."""


class Faults:
    """Which of them are on."""

    def __init__(self) -> None:
        self._on: set[Fault] = set()

    def __contains__(self, fault: Fault) -> bool:
        return fault in self._on

    def switch(self, fault: Fault, *, on: bool) -> None:
        """On or off."""
        (self._on.add if on else self._on.discard)(fault)

    def told(self) -> dict[str, bool]:
        """All of them, and whether they are on."""
        return {fault.value: fault in self._on for fault in Fault}
