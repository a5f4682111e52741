"""The endpoints of forward-auth, by path: what proxies ask, and our place on their hosts."""

from connectors.systems.forward_auth.assertion import AssertionSigner
from connectors.systems.forward_auth.hosts import (
    CALLBACK_PATH,
    SIGN_OUT_PATH,
    START_PATH,
    ProtectedHosts,
)
from idp.flows.host_visits import HostVisits
from idp.ports import Entropy, Fences, Grants
from idp.web.answers import ErrorPage, api, page
from idp.web.dialects.forward_auth.gate import ForwardAuthGate
from idp.web.dialects.forward_auth.handles import Handles
from idp.web.dialects.forward_auth.threshold import PROBLEM_PATH, Threshold
from idp.web.http import Endpoint


def forward_auth_endpoints(
    *,
    issuer: str,
    hosts: ProtectedHosts,
    handles: Handles,
    grants: Grants,
    fences: Fences,
    entropy: Entropy,
    error_page: ErrorPage,
) -> dict[str, Endpoint]:
    """All of them but the door's own, which is the sign-in journey's."""
    gate = ForwardAuthGate(
        hosts=hosts, visits=HostVisits(grants), handles=handles, signer=AssertionSigner(issuer)
    )
    threshold = Threshold(
        issuer=issuer, hosts=hosts, handles=handles, fences=fences, entropy=entropy
    )
    return {
        "/forward-auth": api(gate.check, "GET", "HEAD"),
        "/forward-auth/browser": api(gate.check_browser, "GET", "HEAD"),
        START_PATH: page(threshold.start, "GET", error_page=error_page),
        CALLBACK_PATH: page(threshold.callback, "GET", error_page=error_page),
        SIGN_OUT_PATH: page(threshold.sign_out, "GET", error_page=error_page),
        PROBLEM_PATH: page(threshold.problem, "GET", error_page=error_page),
    }
