"""The names of SAML 2.0, as they stand on the wire."""

from enum import StrEnum

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
POST_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
SOAP_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
ENCRYPTED_ELEMENT = XENC + "Element"
AES256_GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
AES128_GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
RSA_OAEP = XENC + "rsa-oaep-mgf1p"
SHA1 = DS + "sha1"
"""Inside RSA-OAEP alone, where it is the default; a signature with it is refused."""
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENVELOPED = DS + "enveloped-signature"


class NameIdFormat(StrEnum):
    """How a person is named to a system. On the wire: `NameID/@Format`.

    Spec: SAML Core 2.0 §8.3
    """

    PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    """The pairwise `sub` of the system's sector."""
    TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    """A name that lives as long as the session."""
    UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
    """The system's own account name, for applications that know people by nothing else."""


class StatusCode(StrEnum):
    """Spec: SAML Core 2.0 §3.2.2.2."""

    SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
    REQUESTER = "urn:oasis:names:tc:SAML:2.0:status:Requester"
    RESPONDER = "urn:oasis:names:tc:SAML:2.0:status:Responder"
    NO_PASSIVE = "urn:oasis:names:tc:SAML:2.0:status:NoPassive"
    NO_AUTHN_CONTEXT = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"
    REQUEST_DENIED = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied"
    UNKNOWN_PRINCIPAL = "urn:oasis:names:tc:SAML:2.0:status:UnknownPrincipal"
    INVALID_NAME_ID_POLICY = "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy"
