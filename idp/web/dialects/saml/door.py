"""/saml/sso: AuthnRequests in, responses out."""

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.contract import Dialect, Prompt, SignInRequest
from connectors.errors import SamlRefused
from connectors.mapping import required_claims
from connectors.registry import SamlSettings, System
from connectors.saml.bindings import parameters, plain
from connectors.saml.names import StatusCode
from connectors.systems.saml.authn_request import (
    AuthnRequest,
    read_authn_request,
    verify_acs,
)
from connectors.systems.saml.response import ReplyTo, Statement, name_of, negative, positive
from idp.errors import (
    InteractionRequired,
    LoginRequired,
    OAuthError,
    PageRefused,
    UnmetAuthenticationRequirements,
)
from idp.flows.notices import participant_of
from idp.flows.released_claims import claims_of_sign_in
from idp.flows.sign_in import SignIn
from idp.model import Session, Standing
from idp.ports import Audit, Entropy, SessionEnds
from idp.protocol.next_step import Issue
from idp.web.dialects.saml.kept import Kept, KeptRequests
from idp.web.dialects.saml.place import SamlPlace
from idp.web.dialects.saml.posted import Posting
from idp.web.doors import AnsweredRefusal, Reading
from idp.web.http import Answer, HttpRequest, Refusal
from keys.values import hot_value
from keys.xml_encryption import RANDOM_BYTES


@hot_value
class SamlReading(Reading):
    """An AuthnRequest, checked once and carried to its answer."""

    system: System
    settings: SamlSettings
    asked: AuthnRequest
    relay_state: str | None


class SamlDoor:
    """Answers with an assertion that the browser posts to the system."""

    dialect = Dialect.SAML

    def __init__(
        self,
        *,
        place: SamlPlace,
        kept: KeptRequests,
        sign_in: SignIn,
        ends: SessionEnds,
        posting: Posting,
        audit: Audit,
        entropy: Entropy,
    ) -> None:
        self._place = place
        self._kept = kept
        self._sign_in = sign_in
        self._ends = ends
        self._posting = posting
        self._audit = audit
        self._entropy = entropy

    def read(self, request: HttpRequest, raw: str, now: int) -> Reading:
        """See `Door.read`: the system, then the address, and only then what may be posted there.

        Spec: SAML Profiles 2.0 §4.1.4.1
        """
        kept = self._kept.open(raw, now)
        if kept is None:
            kept = self._sent(raw, now)
        reading = self._reading(kept)
        if kept.asked.unmet:
            error: OAuthError = UnmetAuthenticationRequirements("the request cannot be met")
            raise AnsweredRefusal(self.refuse(request, reading, error))
        return reading

    def _sent(self, raw: str, now: int) -> Kept:
        """A request as it came."""
        with _refusing():
            sent = parameters(raw)
            if "SAMLResponse" in sent:
                raise SamlRefused("a response where requests are taken")
            octets, root = self._place.message(sent, "SAMLRequest")
            system, settings = self._place.sender(root, "AuthnRequest", now)
        try:
            acs = verify_acs(root, settings)
        except SamlRefused as refused:
            raise PageRefused("redirect_uri_unknown", detail=str(refused)) from None
        with _refusing():
            vouched = self._place.vouched(
                sent, octets, root, settings, self._place.sso,
                required=settings.want_signed_requests,
            )  # fmt: skip
            if self._place.sender(vouched, "AuthnRequest", now)[0] is not system:
                raise SamlRefused("another system was signed for")
            acs = verify_acs(vouched, settings)
            asked = read_authn_request(vouched, settings)
            relay_state = plain(sent["RelayState"]) if "RelayState" in sent else None
        return Kept(
            system=system.system_id, acs=acs.url, asked=asked, relay_state=relay_state, at=now
        )

    def _reading(self, kept: Kept) -> SamlReading:
        system, settings = self._kept.system_of(kept)
        asked = kept.asked
        scopes = frozenset(rule.scope for rule in system.claims)
        prompts = {Prompt.LOGIN} if asked.force else set()
        if asked.passive:
            prompts.add(Prompt.NONE)
        return SamlReading(
            system=system,
            settings=settings,
            asked=asked,
            relay_state=kept.relay_state,
            sign_in=SignInRequest(
                dialect=Dialect.SAML,
                participant=participant_of(system),
                participant_name=system.name,
                system=system.system_id,
                sector=system.sector,
                required_assurance=max(system.required_assurance, asked.assurance),
                when_unlinked=system.when_unlinked,
                consent=system.consent,
                releases=scopes,
                prompts=frozenset(prompts),
                required_claims=required_claims(system.claims, scopes, frozenset()),
            ),
            raw=self._kept.seal(kept),
            return_address=kept.acs,
        )

    async def answer(
        self,
        request: HttpRequest,
        reading: Reading,
        session: Session,
        standing: Standing,
        issue: Issue,
        now: int,
    ) -> Answer:
        """See `Door.answer`: joins the session under the name that the system is given.

        Spec: SAML Profiles 2.0 §4.1.4.2
        """
        own = _own(reading)
        result = await self._sign_in.result(own.sign_in, session, standing, issue, now)
        claims = claims_of_sign_in(own.system, result, own.sign_in.releases)
        account = result.account.account if result.account else None
        name = name_of(own.settings, session.sid, result.identity.sub, account)
        joined = await self._ends.join(
            session.sid, session.subject, own.sign_in.participant, name, now
        )
        if not joined:
            raise LoginRequired("please sign in")
        said = Statement(
            name_id=name,
            attributes=claims,
            class_ref=own.asked.class_ref or result.identity.assurance.acr,
            session=session.sid,
            authenticated_at=result.identity.authenticated_at,
        )
        reply = self._reply(own, now)
        xml = positive(self._place.voice(), own.settings, reply, said)
        self._audit.record("assertion_issued", {"system": own.system.system_id, "sid": session.sid})
        return self._posting.response(request, own, xml, own.relay_state)

    def refuse(self, request: HttpRequest, reading: Reading, error: OAuthError) -> Answer:
        """See `Door.refuse`."""
        own = _own(reading)
        top, code = _status(error, own.asked)
        reply = self._reply(own, int(request.received_at))
        xml = negative(self._place.voice(), reply, top, code)
        refusal = Refusal(reason=error.code, client=own.sign_in.participant, detail=error.detail)
        return self._posting.response(request, own, xml, own.relay_state).refused(refusal)

    def _reply(self, own: SamlReading, now: int) -> ReplyTo:
        return ReplyTo(
            request_id=own.asked.request_id,
            acs=own.return_address,
            now=now,
            response_id="_" + self._entropy(16).hex(),
            assertion_id="_" + self._entropy(16).hex(),
            randomness=self._entropy(RANDOM_BYTES),
            name_randomness=self._entropy(RANDOM_BYTES),
        )


def _status(error: OAuthError, asked: AuthnRequest) -> tuple[StatusCode, StatusCode]:
    """Spec: SAML Core 2.0 §3.2.2.2."""
    if asked.unmet:
        return StatusCode.REQUESTER, StatusCode[asked.unmet]
    if isinstance(error, UnmetAuthenticationRequirements):
        return StatusCode.RESPONDER, StatusCode.NO_AUTHN_CONTEXT
    if asked.passive and isinstance(error, LoginRequired | InteractionRequired):
        return StatusCode.RESPONDER, StatusCode.NO_PASSIVE
    return StatusCode.RESPONDER, StatusCode.REQUEST_DENIED


@contextmanager
def _refusing() -> Iterator[None]:
    """What is wrong with a message is shown to the person, and goes nowhere else."""
    try:
        yield
    except SamlRefused as refused:
        raise PageRefused("invalid_request", detail=str(refused)) from None


def _own(reading: Reading) -> SamlReading:
    if isinstance(reading, SamlReading):
        return reading
    raise TypeError("a reading of another door")
