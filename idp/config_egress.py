"""Registered addresses that could never be called are mistakes, told at the start."""

from collections.abc import Iterator, Mapping
from itertools import chain

from connectors.config.problems import Place, Problem
from connectors.config.tables import plain_address
from connectors.contract import SystemId
from connectors.registry import (
    EventsPush,
    HttpVerification,
    RestPush,
    ScimPush,
    System,
    WebhookPush,
)
from connectors.sources.ldap.directory import Directory
from connectors.sources.model import Source, SourceId
from idp.config_files import Document
from idp.egress.rules import Address, EgressRules, Refused
from idp.model import Client, ClientId


def unreachable(
    document: Document,
    systems: Mapping[SystemId, System],
    clients: Mapping[ClientId, Client],
    sources: Mapping[SourceId, Source],
    directories: Mapping[SourceId, Directory],
    rules: EgressRules,
) -> list[Problem]:
    """Every address of ours to call that the rules refuse whatever its name resolves to.

    Why: a notice that waits eight times for an address that is never called tells nobody anything.
    """
    return [
        place.problem(refused.value)
        for place, address in chain(
            _called(document, systems, clients),
            _called_upstream(document, sources),
            _called_directories(document, directories),
        )
        if (refused := _refusal(address, rules)) is not None
    ]


def _called(
    document: Document, systems: Mapping[SystemId, System], clients: Mapping[ClientId, Client]
) -> Iterator[tuple[Place, str]]:
    """Each address that we call by ourselves, and where it stands."""
    for name, system in systems.items():
        yield from _called_of(system, document.systems[name].place)
    for client_id, client in clients.items():
        if client.backchannel_logout_uri is not None:
            place = document.clients[client_id].place
            yield place.at("backchannel_logout_uri"), client.backchannel_logout_uri


def _called_of(system: System, place: Place) -> Iterator[tuple[Place, str]]:
    """Those of one system."""
    if isinstance(system.verification, HttpVerification):
        yield place.at("verification", "url"), system.verification.url
    if system.ticket is not None and system.ticket.logout_url is not None:
        yield place.at("ticket", "logout_url"), system.ticket.logout_url
    if isinstance(system.push, ScimPush | RestPush | EventsPush | WebhookPush):
        yield place.at("provisioning", "url"), system.push.url
    if system.cas is not None:
        for number, service in enumerate(system.cas.services if system.cas.logout else ()):
            yield place.at("cas", "services", number), service
        for number, callback in enumerate(system.cas.proxy_callbacks):
            yield place.at("cas", "proxy_callbacks", number), callback
    if system.saml is not None and system.saml.slo_soap_url is not None:
        yield place.at("saml", "slo_soap_url"), system.saml.slo_soap_url


def _called_upstream(
    document: Document, sources: Mapping[SourceId, Source]
) -> Iterator[tuple[Place, str]]:
    """What we ask a source ourselves; to its authorization endpoint only browsers go."""
    for name, source in sources.items():
        if source.saml is not None:
            yield document.sources[name].place.at("metadata_file"), source.watched
            continue
        place = document.sources[name].place.at("endpoints")
        for key in ("token", "userinfo", "jwks", "pushed_authorization_request"):
            address = getattr(source.endpoints, key)
            if address is not None:
                yield place.at(key), address


def _called_directories(
    document: Document, directories: Mapping[SourceId, Directory]
) -> Iterator[tuple[Place, str]]:
    for name, directory in directories.items():
        place = directory.place
        scheme = "ldap" if place.start_tls else "ldaps"
        host = f"[{place.host}]" if ":" in place.host else place.host
        yield document.sources[name].place.at("url"), f"{scheme}://{host}:{place.port}"


def _refusal(address: str, rules: EgressRules) -> Refused | None:
    parts = plain_address(address)
    if parts is None:
        return Refused.SPELLING
    return rules.refusal_of(
        Address(scheme=parts.scheme, host=parts.hostname or "", port=parts.port)
    )
