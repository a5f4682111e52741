"""Our own side of SAML: where we are, how we are called, what we sign with now."""

from collections.abc import Mapping

from lxml import etree

from connectors.contract import Dialect, SystemId
from connectors.errors import SamlRefused
from connectors.registry import SamlSettings, System
from connectors.saml.bindings import message_of, verify_query
from connectors.saml.door import read_xml
from connectors.saml.message import issuer_of, to_us
from connectors.saml.signature import has_signature, verified
from connectors.saml.voice import Voice
from idp.errors import PageRefused
from keys.keyring import KeyRing

SSO_PATH = "/saml/sso"
SLO_PATH = "/saml/slo"
METADATA_PATH = "/saml/metadata"
ALGORITHM = "RS256"


class SamlPlace:
    """Finds the system behind a message, and speaks for us."""

    def __init__(
        self, *, issuer: str, systems: Mapping[SystemId, System], keyring: KeyRing
    ) -> None:
        self.entity_id = issuer + METADATA_PATH
        self.sso, self.slo = issuer + SSO_PATH, issuer + SLO_PATH
        self.keyring = keyring
        self._systems = {
            system.saml.entity_id: system
            for system in systems.values()
            if system.saml is not None and system.dialect is Dialect.SAML
        }

    def voice(self) -> Voice:
        """What signs now, and its certificate.

        Raises: NoSuchKey.
        """
        return Voice(
            entity_id=self.entity_id,
            signer=self.keyring.signer(ALGORITHM),
            certificate=self.keyring.certificates()[0],
        )

    def sender(self, root: etree._Element, kind: str, now: int) -> tuple[System, SamlSettings]:
        """The registered system that says it sent this, while its metadata is valid.

        Why here: one system whose metadata ran out is turned away; all others go on.

        Raises: PageRefused, SamlRefused.
        """
        system = self._systems.get(issuer_of(root, kind))
        if system is None or system.saml is None:
            raise PageRefused("client_unknown")
        if not system.saml.is_valid(now):
            raise PageRefused("system_expired", detail=f"metadata of {system.system_id}")
        return system, system.saml

    def message(self, sent: Mapping[str, str], parameter: str) -> tuple[bytes, etree._Element]:
        """The message in a parameter: its octets, and its root, whose content nobody vouches for.

        Raises: SamlRefused.
        """
        if parameter not in sent:
            raise SamlRefused(f"{parameter} is missing")
        raw = message_of(sent[parameter])
        return raw, read_xml(raw)

    def vouched(
        self,
        sent: Mapping[str, str],
        raw: bytes,
        root: etree._Element,
        settings: SamlSettings,
        address: str,
        *,
        required: bool,
    ) -> etree._Element:
        """The message as far as somebody vouches for it: parsed from what was signed.

        A signature that is there is always checked, whether or not one is required.

        Raises: SamlRefused.
        """
        by_query = "Signature" in sent or "SigAlg" in sent
        by_xml = has_signature(root)
        if by_query and by_xml:
            raise SamlRefused("two signatures")
        if by_query:
            verify_query(dict(sent), "SAMLRequest", settings.certificates)
        elif by_xml:
            root = verified(raw, settings.certificates, str(root.tag))
        elif required:
            raise SamlRefused("a signature is missing")
        to_us(root, address, required=by_query or by_xml)
        return root
