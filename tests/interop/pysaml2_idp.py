"""An identity provider made of pysaml2, for the Python that has it: one JSON line in, one out.

Run with the interpreter of `.venv/spid-tools`, which shares no package with the provider.
"""

import json
import sys
from pathlib import Path
from typing import Any

from saml2 import BINDING_HTTP_REDIRECT  # type: ignore[import-not-found]
from saml2.config import IdPConfig  # type: ignore[import-not-found]
from saml2.metadata import entity_descriptor  # type: ignore[import-not-found]
from saml2.saml import (  # type: ignore[import-not-found]
    NAMEID_FORMAT_PERSISTENT,
    NameID,
)
from saml2.server import Server  # type: ignore[import-not-found]

ENTITY = "https://pysaml2.test/metadata"
SHA256_SIGNATURE = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256_DIGEST = "http://www.w3.org/2001/04/xmlenc#sha256"
GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
OAEP = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"


def config(folder: Path, *, with_sp: bool) -> dict[str, Any]:
    return {
        "entityid": ENTITY,
        "service": {
            "idp": {
                "endpoints": {
                    "single_sign_on_service": [
                        ("https://pysaml2.test/sso", BINDING_HTTP_REDIRECT),
                    ],
                    "single_logout_service": [
                        ("https://pysaml2.test/slo", BINDING_HTTP_REDIRECT),
                    ],
                },
                "want_authn_requests_signed": True,
                "want_authn_requests_only_with_valid_cert": False,
                "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None}},
            }
        },
        "key_file": str(folder / "idp.key"),
        "cert_file": str(folder / "idp.crt"),
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "metadata": {"local": [str(folder / "sp.xml")]} if with_sp else {},
        "signing_algorithm": SHA256_SIGNATURE,
        "digest_algorithm": SHA256_DIGEST,
    }


def answered(server: Server, asked: dict[str, Any]) -> dict[str, str]:
    """The answer to a signed request; how it is signed and encrypted, the asker says."""
    request = server.parse_authn_request(
        asked["SAMLRequest"], BINDING_HTTP_REDIRECT, relay_state=None,
        sigalg=asked["SigAlg"], signature=asked["Signature"],
    )  # fmt: skip
    message = request.message
    where = server.response_args(message)
    response = server.create_authn_response(
        identity={"cn": ["Lê Thị An"], "mail": ["an@tinh.test"]},
        in_response_to=where["in_response_to"],
        destination=where["destination"],
        sp_entity_id=where["sp_entity_id"],
        name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=asked["person"]),
        authn={"class_ref": message.requested_authn_context.authn_context_class_ref[0].text},
        sign_alg=SHA256_SIGNATURE,  # its default is SHA-1, which nobody here believes
        digest_alg=SHA256_DIGEST,
        **asked["signing"],
    )
    return {"response": str(response)}


def logout(server: Server, asked: dict[str, Any]) -> dict[str, str]:
    _, request = server.create_logout_request(
        asked["slo"], issuer_entity_id=asked["sp"],
        name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=asked["person"]),
    )  # fmt: skip
    told = server.apply_binding(
        BINDING_HTTP_REDIRECT, str(request), asked["slo"], "back-there", sign=True,
        sigalg=SHA256_SIGNATURE,
    )  # fmt: skip
    return {"address": dict(told["headers"])["Location"]}


def main() -> None:
    folder, asked = Path(sys.argv[1]), json.load(sys.stdin)
    made = IdPConfig().load(config(folder, with_sp=asked["what"] != "metadata"))
    match asked["what"]:
        case "metadata":
            told = {"metadata": str(entity_descriptor(made))}
        case "answer":
            told = answered(Server(config=made), asked)
        case _:
            told = logout(Server(config=made), asked)
    json.dump(told, sys.stdout)


main()
