"""Signing in by a source: out with a state for one browser, and back once."""

import hashlib
import hmac
from dataclasses import dataclass

import orjson

from connectors.contract import Assurance, Locale
from connectors.errors import UpstreamRefused
from connectors.sources.model import Authentication, Preset, SamlUpstream, Source
from connectors.sources.oidc import authorization_request
from idp.authn.upstream_client import UpstreamClient
from idp.authn.upstream_health import UpstreamHealth
from idp.authn.upstream_keys import UpstreamSilent
from idp.authn.upstream_saml import UpstreamSaml
from idp.flows.upstream_arrival import Outcome, UpstreamArrival
from idp.ports import Entropy, Fences
from keys import base64url
from keys.errors import SealBroken
from keys.seal import Sealer

STATE = "us"
STATE_SECONDS = 600
SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A browser that was sent to a source, as its state tells."""

    flow_id: str
    started_at: int
    fresh: bool
    """Whether the source was asked to look at the person anew."""
    state: str


class UpstreamSignIn:
    """The journey between our login page and our session; knows no HTTP of the browser's."""

    def __init__(
        self,
        *,
        issuer: str,
        client: UpstreamClient,
        saml: UpstreamSaml,
        health: UpstreamHealth,
        arrival: UpstreamArrival,
        fences: Fences,
        sealer: Sealer,
        entropy: Entropy,
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._saml = saml
        self._health = health
        self._arrival = arrival
        self._fences = fences
        self._sealer = sealer
        self._entropy = entropy

    async def begin(
        self,
        source: Source,
        *,
        flow_id: str,
        secret: str,
        level: Assurance,
        fresh: bool,
        locale: Locale,
        now: int,
    ) -> str:
        """The address at the source. `secret` is what only this browser's flow cookie holds.

        Nothing is stored: the state carries the flow, sealed; nonce and PKCE verifier are made of
        the state and the secret, so that an answer is worth nothing in another browser.

        Raises: UpstreamRefused, UpstreamSilent where the request is pushed, and was not taken.
        """
        row = orjson.dumps([flow_id, now, fresh, self._entropy(16).hex()])
        state = self._sealer.seal_handle(STATE, row, source.source_id.encode())
        self._health.going(source.source_id)
        if source.saml is not None:
            return self._saml.request_address(
                source, source.saml, state=state, level=level, fresh=fresh, now=now
            )
        asked = authorization_request(
            source,
            redirect_uri=self._redirect_uri(source),
            state=state,
            nonce=_of(secret, state, "nonce"),
            verifier=_of(secret, state, "verifier"),
            level=level,
            fresh=fresh,
            locale=locale,
        )
        try:
            return await self._client.way_there(source, asked, now)
        except UpstreamSilent:
            self._health.failed(source.source_id)
            raise
        except UpstreamRefused:
            self._health.answered(source.source_id)
            raise

    def pending(self, source: Source, state: str, now: int) -> Pending:
        """What a state was made for. It opens for the source that it was made for, and no other.

        Spec: RFC 9700 §4.4.2 (mix-up), §4.7 (CSRF)
        Raises: UpstreamRefused.
        """
        try:
            raw = self._sealer.open_handle(STATE, state, source.source_id.encode())
        except SealBroken:
            raise UpstreamRefused("state") from None
        flow_id, started_at, fresh, _ = orjson.loads(raw)
        if not started_at <= now < started_at + STATE_SECONDS:
            raise UpstreamRefused("state_old")
        return Pending(flow_id=flow_id, started_at=started_at, fresh=fresh, state=state)

    async def take(self, pending: Pending) -> None:
        """The single use of a state, whatever then comes of it.

        Raises: UpstreamRefused where it was used before.
        """
        digest = hashlib.sha256(pending.state.encode()).digest()
        ends_at = pending.started_at + STATE_SECONDS + SKEW_SECONDS
        if not await self._fences.once("upstream_state", digest, ends_at):
            raise UpstreamRefused("state_used")

    async def finish(
        self, source: Source, pending: Pending, secret: str, code: str, now: int
    ) -> Outcome:
        """Who the code stands for, in our own records.

        Raises: UpstreamRefused, UpstreamSilent.
        """
        await self._take_code(source, code, now)
        try:
            identity = await self._client.identify(
                source,
                code=code,
                redirect_uri=self._redirect_uri(source),
                verifier=_of(secret, pending.state, "verifier"),
                nonce=_of(secret, pending.state, "nonce"),
                now=now,
            )
        except UpstreamSilent:
            self._health.failed(source.source_id)
            raise
        except UpstreamRefused:
            self._health.answered(source.source_id)
            raise
        self._health.answered(source.source_id)
        _check_time(source, pending, identity.authentication, now)
        return await self._arrival.recognised(source, identity, now)

    async def finish_posted(
        self, source: Source, saml: SamlUpstream, pending: Pending, raw: bytes, now: int
    ) -> Outcome:
        """Who the response stands for, in our own records. Its assertion is taken once, here and on
        every other node.

        Spec: SAML Profiles 2.0 §4.1.4.5
        Raises: UpstreamRefused.
        """
        identity, assertion_id = self._saml.identify(
            source, saml, raw=raw, state=pending.state, now=now
        )
        digest = hashlib.sha256(f"{source.issuer}\0{assertion_id}".encode()).digest()
        if not await self._fences.once("upstream_assertion", digest, now + 2 * STATE_SECONDS):
            raise UpstreamRefused("assertion_used")
        self._health.answered(source.source_id)
        _check_time(source, pending, identity.authentication, now)
        return await self._arrival.recognised(source, identity, now)

    async def _take_code(self, source: Source, code: str, now: int) -> None:
        """Why: an upstream without nonce and PKCE that hands one code out twice would let the second
        browser in as the first person.
        """
        digest = hashlib.sha256(f"{source.issuer}\0{code}".encode()).digest()
        if not await self._fences.once("upstream_code", digest, now + 2 * STATE_SECONDS):
            raise UpstreamRefused("code_used")

    def _redirect_uri(self, source: Source) -> str:
        return self._issuer + source.callback_path


def _of(secret: str, state: str, use: str) -> str:
    """A value that only the browser with the secret can have been given for this state.

    Shape: 43 characters of base64url (RFC 7636 §4.1)
    """
    made = hmac.digest(secret.encode(), f"upstream {use}\0{state}".encode(), "sha256")
    return base64url.encode(made).decode("ascii")


def _check_time(source: Source, pending: Pending, told: Authentication, now: int) -> None:
    """The source looked at the person when it says, and anew where that was asked for.

    Spec: OIDC Core §3.1.2.1 (`max_age`: `auth_time` is then required), §3.1.3.7 (13)
    """
    if told.at is not None and not 0 < told.at <= now + SKEW_SECONDS:
        raise UpstreamRefused("auth_time")
    if not pending.fresh:
        return
    if told.at is None and source.preset is Preset.OIDC:
        raise UpstreamRefused("auth_time_missing")
    if told.at is not None and told.at < pending.started_at - SKEW_SECONDS:
        raise UpstreamRefused("not_fresh")
