"""Whom a system admits: a pure rule over what is known of a person."""

from connectors.contract import AccountKind, Admission, PersonAttributes


def admits(admission: Admission, kind: AccountKind, attributes: PersonAttributes) -> bool:
    """Whether the person is of a kind, of an agency and of an e-mail domain that is let in.

    What is not known of a person, or reads in two ways, lets nobody in.
    """
    if admission.kinds and kind not in admission.kinds:
        return False
    if admission.agencies and attributes.agency_code not in admission.agencies:
        return False
    if not admission.email_domains:
        return True
    return attributes.email_verified and domain_of(attributes.email) in admission.email_domains


def domain_of(email: str | None) -> str | None:
    """The domain of an address with exactly one `@`; of any other, none.

    Why: of `a@x.test@gov.test`, one reader believes the first domain and another the last.
    """
    local, at, domain = (email or "").partition("@")
    if not local or not at or "@" in domain or not domain.isascii():
        return None
    return domain.lower()
