"""What an upstream posts to us: logout tokens and security events."""

from collections.abc import Mapping

from connectors.errors import UpstreamRefused
from connectors.sources.model import Source, SourceId
from idp.authn.upstream_keys import UpstreamSilent
from idp.errors import InvalidRequest, Overloaded
from idp.flows.upstream_notices import UpstreamNotices
from idp.web.answers import api
from idp.web.http import NO_STORE, Answer, Endpoint, HttpRequest

EVENT_TYPE = b"application/secevent+jwt"


def notice_endpoints(
    sources: Mapping[SourceId, Source], notices: UpstreamNotices
) -> dict[str, Endpoint]:
    """Two addresses for each source that signs: what it may tell us of its own accord."""
    found: dict[str, Endpoint] = {}
    for source in sources.values():
        if source.id_token_alg is not None:
            place = f"/upstream/{source.source_id}"
            found[f"{place}/backchannel-logout"] = _logout(source, notices)
            found[f"{place}/events"] = _events(source, notices)
    return found


def _logout(source: Source, notices: UpstreamNotices) -> Endpoint:
    async def logout(request: HttpRequest) -> Answer:
        """Spec: OIDC Back-Channel Logout 1.0 §2.5, §2.8."""
        form = request.form()
        form.refuse_repeated()
        try:
            await notices.ended(source, form.get("logout_token", ""), int(request.received_at))
        except UpstreamRefused as refused:
            raise InvalidRequest("the logout token is not accepted", detail=str(refused)) from None
        except UpstreamSilent as silent:
            raise Overloaded(str(silent)) from None
        return Answer(status=200, headers=(NO_STORE,))

    return api(logout, "POST")


def _events(source: Source, notices: UpstreamNotices) -> Endpoint:
    async def events(request: HttpRequest) -> Answer:
        """Spec: RFC 8935 §2."""
        if request.header(b"content-type").partition(b";")[0].strip().lower() != EVENT_TYPE:
            raise InvalidRequest("the body must be application/secevent+jwt")
        try:
            token = request.body().decode("ascii", "replace")
            await notices.disabled(source, token, int(request.received_at))
        except UpstreamRefused as refused:
            raise InvalidRequest("the event is not accepted", detail=str(refused)) from None
        except UpstreamSilent as silent:
            raise Overloaded(str(silent)) from None
        return Answer(status=202, headers=(NO_STORE,))

    return api(events, "POST")
