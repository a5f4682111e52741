"""The answer of a source in the browser: what it must name before anything of it is used. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.errors import UpstreamRefused
from connectors.sources.model import Preset, Source

MAX_CODE = 4096


@dataclass(frozen=True, slots=True)
class Answered:
    """A code, to be redeemed once."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Posted:
    """A SAML response that says it signed the person in; nobody vouches for it yet."""

    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Declined:
    """The source did not sign the person in, or the person stopped there."""

    why: str = ""
    """A word of the protocol, for the audit."""


Answer = Answered | Posted | Declined


def as_sent(source: Source, query: bytes) -> bytes:
    """The query, with the `+` of a code kept where the source sends it as it is.

    Why: VNeID puts base64 into the address without encoding it; read as a form, `+` is a space, and
    the code is another one. Nothing else that we read of its answer holds a space.
    """
    match source.preset:
        case Preset.VNEID | Preset.VNCONNECT:
            return query.replace(b"+", b"%2B")
        case Preset.OIDC | Preset.SAML:
            return query


def check_answer(
    source: Source, form: Mapping[str, str], repeated: frozenset[str]
) -> Answered | Declined:
    """The answer names this source, and nothing twice.

    Spec: RFC 9207 §2.4 (`iss`), RFC 9700 §4.4 (mix-up), RFC 6749 §4.1.2
    Raises: UpstreamRefused.
    """
    if repeated:
        raise UpstreamRefused("parameter_repeated")
    issuer = form.get("iss")
    if issuer is None and source.iss_parameter:
        raise UpstreamRefused("iss_missing")
    if issuer is not None and issuer != source.issuer:
        raise UpstreamRefused("iss_other")
    code = form.get("code")
    if "error" in form:
        if code is not None:
            raise UpstreamRefused("code_and_error")
        return Declined()
    if code is None or len(code) > MAX_CODE:
        raise UpstreamRefused("code_missing")
    return Answered(code)
