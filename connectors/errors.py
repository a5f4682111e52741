"""Every refusal of the connectors.

ConnectorsError
├── RequiredClaimMissing   a system asks for a claim that this person does not have
├── ReturnAddressRefused   a return address that the system did not register
├── HandOffRefused         a deep link that no portal makes
├── StateRefused           a state that no application makes
├── SamlRefused            a SAML message that is not what it should be
├── LdapRefused            bytes that are no LDAP message, or a name or filter that is none
├── LdapSilent             a directory that does not answer, or cannot be reached
├── UpstreamRefused        an answer of a source that is not believed
├── CasRefused             a CAS request, with its code (systems/cas/failures.py)
└── IllegalTransition      a link cannot go from its state to the one asked for
"""


class ConnectorsError(Exception):
    """A refusal of this room. Texts are ours and hold no personal data."""


class RequiredClaimMissing(ConnectorsError):
    """The claim's name, never its value."""

    def __init__(self, claim: str) -> None:
        super().__init__(f"required claim {claim}")
        self.claim = claim


class ReturnAddressRefused(ConnectorsError):
    """Not one of the system's registered addresses."""


class StateRefused(ConnectorsError):
    """Too long, or not printable ASCII."""


class SamlRefused(ConnectorsError):
    """What is wrong with a message or with metadata, in words of ours."""


class LdapRefused(ConnectorsError):
    """What is wrong with a message, a name or a filter, in words of ours."""


class LdapSilent(ConnectorsError):
    """No answer, or none in time: nothing is known. The text is ours."""


class HandOffRefused(ConnectorsError):
    """A code is missing, or is not one."""


class IllegalTransition(ConnectorsError):
    """The states are named; nothing was changed."""


class UpstreamRefused(ConnectorsError):
    """What of the answer did not fit: a short reason of ours, never anything that was told."""
