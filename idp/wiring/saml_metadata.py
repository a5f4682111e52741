"""The renewal of metadata, put together."""

import httpx

from connectors.systems.saml.providers import ServiceProviders
from idp.adapters import Stores
from idp.config import Settings
from idp.config_egress import refusal_of
from idp.egress.documents import Documents
from idp.flows.saml_metadata import MetadataRenewal
from idp.ports import Audit, Clock, Entropy
from idp.store.saml_metadata import SqlSamlMetadata


def metadata_renewal(
    settings: Settings,
    stores: Stores,
    providers: ServiceProviders,
    http: httpx.AsyncClient,
    audit: Audit,
    clock: Clock,
    entropy: Entropy,
) -> MetadataRenewal:
    """What keeps `providers` at the newest."""
    return MetadataRenewal(
        providers=providers,
        kept=SqlSamlMetadata(stores.database),
        documents=Documents(http),
        reachable=lambda address: refusal_of(address, settings.egress_rules) is None,
        audit=audit,
        clock=clock,
        entropy=entropy,
    )
