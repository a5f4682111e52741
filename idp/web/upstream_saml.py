"""What a SAML source asks of us by itself: our metadata, and that a session ends."""

from collections.abc import Mapping

from connectors.errors import SamlRefused, UpstreamRefused
from connectors.saml.bindings import (
    message_of,
    octets_of,
    parameters,
    plain,
    redirect,
    verify_query,
)
from connectors.saml.door import read_xml
from connectors.saml.logout import LogoutRequest, logout_response, read_logout_request
from connectors.saml.message import issuer_of, to_us
from connectors.saml.signature import has_signature, verified
from connectors.sources.model import SamlUpstream, Source, SourceId
from connectors.sources.saml.metadata import sp_metadata
from idp.authn.upstream_saml import UpstreamSaml
from idp.errors import PageRefused
from idp.flows.upstream_saml_logout import UpstreamSamlLogout
from idp.ports import Entropy
from idp.web.answers import ErrorPage, api, page
from idp.web.http import NO_SNIFF, Answer, Endpoint, HttpRequest, see_other

KIND = "LogoutRequest"
_METADATA = (
    (b"content-type", b"application/samlmetadata+xml"),
    NO_SNIFF,
    (b"cache-control", b"public, max-age=600"),
)


def saml_metadata_endpoints(
    sources: Mapping[SourceId, Source], ours: UpstreamSaml
) -> dict[str, Endpoint]:
    """Our metadata, one address for each source.

    Spec: SAML Metadata 2.0 §4.1
    """
    return {
        f"{source.place}/metadata": _metadata(source, source.saml, ours)
        for source in sources.values()
        if source.saml is not None
    }


def _metadata(source: Source, saml: SamlUpstream, ours: UpstreamSaml) -> Endpoint:
    async def handle(_request: HttpRequest) -> Answer:
        body = sp_metadata(
            ours.place(source),
            ours.certificates(),
            None if saml.opener is None else saml.opener.certificate,
            persistent=saml.subject_attribute is None,
        )
        return Answer(body=body, headers=_METADATA)

    return api(handle, "GET", "HEAD")


class SamlSourceLogout:
    """`/upstream/<source>/slo`: a signed request by the browser, answered by redirect.

    No cookie is needed, nor looked for: what ends is what the source names.
    """

    def __init__(self, ours: UpstreamSaml, flow: UpstreamSamlLogout, entropy: Entropy) -> None:
        self._ours = ours
        self._flow = flow
        self._entropy = entropy

    def endpoints(
        self, sources: Mapping[SourceId, Source], error_page: ErrorPage
    ) -> dict[str, Endpoint]:
        """One address for each source that speaks SAML."""
        return {
            f"{source.place}/slo": self._bound(source, source.saml, error_page)
            for source in sources.values()
            if source.saml is not None
        }

    def _bound(self, source: Source, saml: SamlUpstream, error_page: ErrorPage) -> Endpoint:
        async def handle(request: HttpRequest) -> Answer:
            return await self._handle(request, source, saml)

        return page(handle, "GET", "POST", error_page=error_page)

    async def _handle(self, request: HttpRequest, source: Source, saml: SamlUpstream) -> Answer:
        """Spec: SAML Profiles 2.0 §4.4.3, §4.4.4."""
        now = int(request.received_at)
        if saml.slo_url is None:
            raise PageRefused("post_logout_redirect_uri_unknown")
        try:
            asked, relay_state = self._read(request, source, saml, now)
            await self._flow.ended(source, saml, asked, now)
        except (SamlRefused, UpstreamRefused) as refused:
            raise PageRefused("upstream_refused", detail=f"upstream: {refused}") from None
        voice = self._ours.voice(source)
        # Success, too, where nothing was running any more: that is what was asked for.
        xml = logout_response(
            voice,
            to=saml.slo_url,
            request_id=asked.request_id,
            response_id="_" + self._entropy(16).hex(),
            now=now,
            known=True,
        )
        return see_other(redirect(saml.slo_url, "SAMLResponse", xml, relay_state, voice.signer))

    def _read(
        self, request: HttpRequest, source: Source, saml: SamlUpstream, now: int
    ) -> tuple[LogoutRequest, str | None]:
        """The request as far as the source vouches for it, and RelayState, which goes back as it
        came.
        """
        if request.method == "POST":
            form = request.form()
            form.refuse_repeated()
            raw, relay_state = octets_of(form.get("SAMLRequest", "")), form.get("RelayState")
            root = verified(raw, saml.certificates, str(read_xml(raw).tag))
        else:
            sent = parameters(request.query.decode("latin-1"))
            if "SAMLRequest" not in sent:
                raise SamlRefused("SAMLRequest is missing")
            verify_query(sent, "SAMLRequest", saml.certificates)
            root = read_xml(message_of(sent["SAMLRequest"]))
            if has_signature(root):
                raise SamlRefused("two signatures")
            relay_state = plain(sent["RelayState"]) if "RelayState" in sent else None
        to_us(root, self._ours.place(source).slo, required=True)
        if issuer_of(root, KIND) != source.issuer:
            raise SamlRefused("Issuer is another one")
        return read_logout_request(root, now), relay_state
