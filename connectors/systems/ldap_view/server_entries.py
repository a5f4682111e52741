"""What the server says of itself: the root DSE for everybody, the subschema for who has bound."""

from connectors.ldap.messages import PAGED_RESULTS, START_TLS, WHO_AM_I
from connectors.registry import LdapViewSettings
from connectors.systems.ldap_view.entries import SCHEMA_NAME, Entry
from connectors.systems.ldap_view.schema import described

_ALL_OPERATIONAL = "1.3.6.1.4.1.4203.1.5.1"
_TRUE_AND_FALSE = "1.3.6.1.4.1.4203.1.5.3"
_CLASSES = (
    "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) )",
    "( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL )",
    "( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP organizationalPerson STRUCTURAL"
    " MAY ( uid $ mail $ displayName $ givenName $ employeeNumber $ mobile ) )",
    "( 1.3.6.1.1.1.2.0 NAME 'posixAccount' SUP top AUXILIARY"
    " MUST ( cn $ uid $ uidNumber $ gidNumber $ homeDirectory ) MAY ( loginShell $ gecos ) )",
    "( 2.5.6.9 NAME 'groupOfNames' SUP top STRUCTURAL MUST cn MAY member )",
    "( 2.5.6.5 NAME 'organizationalUnit' SUP top STRUCTURAL MUST ou )",
)


def root_entry(settings: LdapViewSettings | None, *, can_start_tls: bool) -> Entry:
    """What is supported here, and for who has bound, where their own tree hangs.

    Why strangers see no naming context: the list of trees is the list of systems.

    Spec: RFC 4512 §5.1
    """
    extensions = (WHO_AM_I, START_TLS) if can_start_tls else (WHO_AM_I,)
    own = {
        "objectClass": (b"top",),
        "supportedLDAPVersion": (b"3",),
        "supportedExtension": tuple(oid.encode() for oid in extensions),
        "supportedControl": (PAGED_RESULTS.encode(),),
        "supportedFeatures": (_ALL_OPERATIONAL.encode(), _TRUE_AND_FALSE.encode()),
    }
    if settings is not None:
        own["namingContexts"] = (settings.base.encode(),)
        own["subschemaSubentry"] = (SCHEMA_NAME.encode(),)
    return Entry("", own)


def schema_entry() -> Entry:
    """The attributes and classes of the trees here.

    Spec: RFC 4512 §4.2
    """
    return Entry(
        SCHEMA_NAME,
        {
            "objectClass": (b"top", b"subentry", b"subschema"),
            "cn": (b"subschema",),
            "attributeTypes": described(),
            "objectClasses": tuple(text.encode() for text in _CLASSES),
        },
    )
