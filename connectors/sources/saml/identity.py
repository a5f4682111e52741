"""Who an assertion stands for, by the table of its source."""

from connectors.contract import PersonAttributes
from connectors.errors import UpstreamRefused
from connectors.saml.names import NameIdFormat
from connectors.sources.model import Authentication, SamlUpstream, Source, UpstreamIdentity
from connectors.sources.saml.assertion import Statement
from connectors.sources.told import Told

SUBJECT = "subject"


def identity_of(source: Source, saml: SamlUpstream, said: Statement) -> UpstreamIdentity:
    """The person: issuer, and a persistent NameID or the attribute that the table names.

    Spec: SAML Core 2.0 §8.3.7 (persistent), §8.3.8 (transient: never a person)
    Raises: UpstreamRefused.
    """
    wanted = {**saml.attributes, SUBJECT: saml.subject_attribute}
    if said.ambiguous & set(wanted.values()):
        raise UpstreamRefused("saml: an attribute that is read has several values")
    claims = {ours: said.attributes.get(there or "") for ours, there in wanted.items()}
    if saml.subject_attribute is None:
        if said.name_format != NameIdFormat.PERSISTENT:
            raise UpstreamRefused("saml: NameID is not persistent")
        claims[SUBJECT] = said.name_id
    told = Told(claims)
    return UpstreamIdentity(
        source=source.source_id,
        issuer=source.issuer,
        subject=told.subject(SUBJECT),
        kind=saml.kind,
        authentication=_authentication_of(source, saml, said),
        attributes=_attributes_of(told),
    )


def session_name(saml: SamlUpstream, name_id: str, session: str) -> str:
    """How a session there is found again: by its index, which is one among those of the person.

    Where the person is known by an attribute, a logout request names them by a NameID that we do
    not keep: then it ends every session of that NameID.

    Spec: SAML Core 2.0 §2.7.2, §3.7.1
    """
    return name_id if saml.subject_attribute is not None else f"{name_id} {session}"


def _authentication_of(source: Source, saml: SamlUpstream, said: Statement) -> Authentication:
    reached = source.assurance.get(said.class_ref, source.assurance_otherwise)
    if reached is None:
        raise UpstreamRefused("level_unknown")
    by_attribute = saml.subject_attribute is not None
    return Authentication(
        assurance=reached,
        amr=("external",),
        at=said.authenticated_at,
        upstream_sid=session_name(saml, said.name_id, said.session or "")
        if by_attribute or said.session
        else None,
    )


def _attributes_of(told: Told) -> PersonAttributes:
    return PersonAttributes(
        full_name=told.full_name("full_name"),
        birthdate=told.birthdate("birthdate"),
        gender=told.text("gender"),
        personal_number=told.personal_number("personal_number"),
        tech_id=told.text("tech_id"),
        tax_code=told.text("tax_code"),
        enterprise_code=told.text("enterprise_code"),
        agency_code=told.text("agency_code"),
        phone=told.phone("phone"),
        email=told.text("email"),
        address=told.text("address"),
    )
