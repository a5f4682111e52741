"""`[ldap_view]`: where mail and file servers ask, and the certificate that they are shown."""

import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated

from pydantic import Field

from connectors.config.checked import Table
from connectors.config.problems import Place, Problem
from connectors.config.tables import ReadableFile
from connectors.contract import SystemId
from connectors.registry import System

Listen = Annotated[str, Field(pattern=r"^[^:]+:\d{1,5}$|^\[.+\]:\d{1,5}$")]


class LdapViewListenTable(Table):
    """`listen` takes LDAP with StartTLS, `listen_tls` LDAP over TLS from the first byte."""

    listen: Listen | None = None
    listen_tls: Listen | None = None
    certificate: ReadableFile | None = None
    key: ReadableFile | None = None

    @property
    def clear_text(self) -> bool:
        """Whether passwords may come without TLS: where nobody but this machine can connect."""
        return self.listen is not None and _is_loopback(self.listen)

    def context(self) -> ssl.SSLContext | None:
        """The certificate as servers show it; None where there is none.

        Raises: OSError where the files do not fit.
        """
        if self.certificate is None or self.key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        return context


def ldap_contradictions(
    table: LdapViewListenTable | None, place: Place, systems: Mapping[SystemId, System]
) -> list[Problem]:
    """What is right key by key, and does not fit together."""
    at = place.at("ldap_view")
    viewed = any(system.ldap_view is not None for system in systems.values())
    if table is None:
        return [at.problem("where to listen, as a system has an ldap_view")] if viewed else []
    found = []
    if table.listen is None and table.listen_tls is None:
        found.append(at.at("listen_tls").problem("listen, listen_tls, or both"))
    if (table.certificate is None) != (table.key is None):
        found.append(at.at("key").problem("certificate and key together"))
    needs = table.listen_tls is not None or not table.clear_text
    if needs and table.certificate is None:
        found.append(at.at("certificate").problem("a certificate, except on loopback alone"))
    try:
        table.context()
    except OSError:
        found.append(at.at("certificate").problem("a certificate (PEM) and the key that fits it"))
    return found


def _is_loopback(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
