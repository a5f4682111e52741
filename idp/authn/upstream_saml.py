"""Our voice towards sources that speak SAML, and what we believe of their answers."""

from collections.abc import Callable
from typing import TypeVar

from connectors.contract import Assurance
from connectors.errors import SamlRefused, UpstreamRefused
from connectors.saml.bindings import redirect
from connectors.saml.voice import Voice
from connectors.sources.model import SamlUpstream, Source, UpstreamIdentity
from connectors.sources.saml.assertion import read_assertion
from connectors.sources.saml.identity import identity_of
from connectors.sources.saml.place import SpPlace, place_at
from connectors.sources.saml.request import authn_request
from connectors.sources.saml.response import Expected, vouched_assertion
from keys.keyring import KeyRing

ALGORITHM = "RS256"
_T = TypeVar("_T")


class UpstreamSaml:
    """Nothing is asked behind the browser: the request goes and the answer comes through it."""

    def __init__(self, issuer: str, keyring: KeyRing) -> None:
        self._issuer = issuer
        self._keyring = keyring

    def place(self, source: Source) -> SpPlace:
        """Who we are at this source."""
        return place_at(source, self._issuer)

    def certificates(self) -> list[bytes]:
        """Every certificate that signs, will sign, or did."""
        return list(self._keyring.certificates())

    def voice(self, source: Source) -> Voice:
        """What signs now for this source.

        Raises: NoSuchKey.
        """
        return Voice(
            entity_id=self.place(source).entity_id,
            signer=self._keyring.signer(ALGORITHM),
            certificate=self._keyring.certificates()[0],
        )

    def request_address(
        self,
        source: Source,
        saml: SamlUpstream,
        *,
        state: str,
        level: Assurance,
        fresh: bool,
        now: int,
    ) -> str:
        """The address that takes a signed request to the source. Its id is the state itself.

        Why: InResponseTo comes back inside what the source signs; RelayState comes back as
        whoever carries it likes, and is neither sent nor read.

        Spec: SAML Bindings 2.0 §3.4.4.1
        """
        xml = authn_request(
            source, saml, self.place(source), request_id=state, level=level, fresh=fresh, now=now
        )
        return redirect(saml.sso_url, "SAMLRequest", xml, None, self.voice(source).signer)

    def identify(
        self, source: Source, saml: SamlUpstream, *, raw: bytes, state: str, now: int
    ) -> tuple[UpstreamIdentity, str]:
        """Who the response stands for, and the id of its assertion, to be taken once.

        Raises: UpstreamRefused.
        """
        place = self.place(source)
        expected = Expected(
            issuer=source.issuer,
            audience=place.entity_id,
            acs=place.acs,
            request_id=state,
            now=now,
        )
        said = believed(lambda: read_assertion(vouched_assertion(raw, saml, expected), expected))
        return identity_of(source, saml, said), said.assertion_id


def believed(read: Callable[[], _T]) -> _T:
    """What a reading comes to, its refusals as those of a source.

    Raises: UpstreamRefused.
    """
    try:
        return read()
    except SamlRefused as refused:
        raise UpstreamRefused(f"saml: {refused}") from None
