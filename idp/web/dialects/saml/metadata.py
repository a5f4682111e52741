"""/saml/metadata: what a system has to know of us."""

from connectors.systems.saml.metadata import idp_metadata
from idp.web.answers import api
from idp.web.dialects.saml.place import SamlPlace
from idp.web.http import NO_SNIFF, Answer, Endpoint, HttpRequest


def metadata_endpoint(place: SamlPlace) -> Endpoint:
    """Spec: SAML Metadata 2.0 §4.1; certificates are published before they sign."""
    headers = (
        (b"content-type", b"application/samlmetadata+xml"),
        NO_SNIFF,
        (b"cache-control", b"public, max-age=600"),
    )

    async def handle(_request: HttpRequest) -> Answer:
        body = idp_metadata(place.entity_id, place.sso, place.slo, place.keyring.certificates())
        return Answer(body=body, headers=headers)

    return api(handle, "GET", "HEAD")
