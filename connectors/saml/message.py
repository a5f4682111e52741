"""What every message of SAML says first: who sent it, under which id, to which address."""

import re

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.door import only, text_of
from connectors.saml.names import SAML, SAMLP

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,255}", re.ASCII)


def issuer_of(root: etree._Element, kind: str) -> str:
    """Who says that it sent this message.

    Raises: SamlRefused where it is another message, or of another version.
    """
    if root.tag != f"{{{SAMLP}}}{kind}" or root.get("Version") != "2.0":
        raise SamlRefused(f"not a {kind} of version 2.0")
    issuer = only(root, SAML, "Issuer")
    if issuer is None:
        raise SamlRefused("Issuer is missing")
    return text_of(issuer)


def id_of(root: etree._Element) -> str:
    """The id of the message.

    Raises: SamlRefused.
    """
    found = root.get("ID", "")
    if not _ID.fullmatch(found):
        raise SamlRefused("the ID is missing, or not one")
    return found


def to_us(root: etree._Element, address: str, *, required: bool) -> None:
    """The message was meant for this address of ours.

    Spec: SAML Bindings 2.0 §3.4.5.2, §3.5.5.2
    Raises: SamlRefused.
    """
    destination = root.get("Destination")
    if destination != address and (required or destination is not None):
        raise SamlRefused("Destination is another address")
