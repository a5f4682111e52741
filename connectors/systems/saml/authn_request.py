"""AuthnRequests: read, and held against what the system registered."""

from dataclasses import dataclass

from lxml import etree

from connectors.contract import Assurance
from connectors.errors import SamlRefused
from connectors.registry import SamlSettings
from connectors.saml.door import only, text_of
from connectors.saml.message import id_of
from connectors.saml.names import POST_BINDING, SAML, SAMLP, NameIdFormat

MFA = "https://refeds.org/profile/mfa"
CLASSES = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
LEVELS = {
    "LoA1": Assurance.LEVEL_1,
    "LoA2": Assurance.LEVEL_2,
    CLASSES + "unspecified": Assurance.LEVEL_1,
    CLASSES + "Password": Assurance.LEVEL_1,
    CLASSES + "PasswordProtectedTransport": Assurance.LEVEL_1,
    CLASSES + "TimeSyncToken": Assurance.LEVEL_2,
    MFA: Assurance.LEVEL_2,
}
"""What the context classes that service providers ask for come to here."""


@dataclass(frozen=True, slots=True)
class VerifiedAcs:
    """The proof that an address was registered for responses; only this module makes one."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthnRequest:
    """What a system asks for, once it is known where the answer goes."""

    request_id: str
    force: bool = False
    passive: bool = False
    class_ref: str | None = None
    """The context class to answer with."""
    assurance: Assurance = Assurance.LEVEL_1
    unmet: str = ""
    """A status code for what can never be answered; empty where all can."""


def verify_acs(root: etree._Element, settings: SamlSettings) -> VerifiedAcs:
    """The address asked for is, byte for byte, a registered one; without one, the default.

    Spec: SAML Core 2.0 §3.4.1; SAML Profiles 2.0 §4.1.4.1
    Raises: SamlRefused.
    """
    url, index = root.get("AssertionConsumerServiceURL"), root.get("AssertionConsumerServiceIndex")
    if root.get("ProtocolBinding", POST_BINDING) != POST_BINDING:
        raise SamlRefused("a response is only ever posted")
    if url is not None and index is not None:
        raise SamlRefused("an address and an index at once")
    for endpoint in settings.acs:
        if url == endpoint.url or index == str(endpoint.index) or (url, index) == (None, None):
            return VerifiedAcs(endpoint.url)
    raise SamlRefused("not a registered address for responses")


def read_authn_request(root: etree._Element, settings: SamlSettings) -> AuthnRequest:
    """The rest of the request.

    Spec: SAML Core 2.0 §3.4.1
    Raises: SamlRefused.
    """
    class_ref, assurance, unmet = _context(only(root, SAMLP, "RequestedAuthnContext"))
    policy = only(root, SAMLP, "NameIDPolicy")
    wanted = None if policy is None else policy.get("Format")
    if wanted not in (None, settings.name_id, NameIdFormat.UNSPECIFIED):
        unmet = "INVALID_NAME_ID_POLICY"
    return AuthnRequest(
        request_id=id_of(root),
        force=_flag(root, "ForceAuthn"),
        passive=_flag(root, "IsPassive"),
        class_ref=class_ref,
        assurance=assurance,
        unmet=unmet,
    )


def _context(asked: etree._Element | None) -> tuple[str | None, Assurance, str]:
    """The lowest class that is asked for and known here.

    Spec: SAML Core 2.0 §3.3.2.2.1
    """
    if asked is None:
        return None, Assurance.LEVEL_1, ""
    refs = [text_of(node) for node in asked.findall(f"{{{SAML}}}AuthnContextClassRef")]
    known = sorted((LEVELS[ref], ref) for ref in refs if ref in LEVELS)
    if not known or asked.get("Comparison", "exact") not in ("exact", "minimum"):
        return None, Assurance.LEVEL_1, "NO_AUTHN_CONTEXT"
    return known[0][1], known[0][0], ""


def _flag(root: etree._Element, name: str) -> bool:
    match root.get(name, "false"):
        case "true" | "1":
            return True
        case "false" | "0":
            return False
        case _:
            raise SamlRefused(f"{name} is not a boolean")
