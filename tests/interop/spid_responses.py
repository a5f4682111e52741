"""The response tests of spid-sp-test, signed for one request of ours: one JSON line out.

Run with the interpreter of `.venv/spid-tools`. Its command line takes `--profile saml2-sp`, but has
no tests under that name, and its own journey wants the SPID form of Issuer in the request: so its
templates, changes and signing are used, and the request's values are given.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from lxml import etree
from spid_sp_test.idp.settings import SAML2_IDP_CONFIG  # type: ignore[import-not-found]
from spid_sp_test.metadata import SpidSpMetadataCheck  # type: ignore[import-not-found]
from spid_sp_test.response import (  # type: ignore[import-not-found]
    SpidSpResponseCheck,
    saml_rnd_id,
)
from spid_sp_test.responses import settings  # type: ignore[import-not-found]

INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def values(asked: dict[str, str], now: dt.datetime) -> dict[str, object]:
    """As the tool makes them of a request."""
    return {
        "ResponseID": saml_rnd_id(),
        "AuthnRequestID": asked["request_id"],
        "IssueInstant": now.strftime(INSTANT),
        "NotOnOrAfter": (now + dt.timedelta(minutes=5)).strftime(INSTANT),
        "AssertionConsumerURL": asked["acs"],
        "NameIDNameQualifier": settings.DEFAULT_RESPONSE["NameIDNameQualifier"],
        "NameID": "that-transient-opaque-value",
        "AssertionID": saml_rnd_id(),
        "AuthnIstant": now.strftime(INSTANT),
        "SessionIndex": saml_rnd_id(),
        "Issuer": SAML2_IDP_CONFIG["entityid"],
        "Audience": asked["entity"],
        "AuthnContextClassRef": asked["class_ref"],
        "IssueInstantMillis": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "sign_response": True,
        "sign_assertion": True,
    }


def responses(asked: dict[str, str]) -> dict[str, list[object]]:
    """Each test by its name: the status that it expects, and the response."""
    check = SpidSpResponseCheck(metadata_etree=etree.Element("md"))
    made: dict[str, list[object]] = {}
    for name, conf in settings.RESPONSE_TESTS.items():
        now = dt.datetime.now(dt.UTC)
        check.response_attrs = values(asked, now)
        check.authnreq_attrs = {"ID": asked["request_id"], "IssueInstant": now.strftime(INSTANT)}
        check.acr, check.issuer = asked["class_ref"], SAML2_IDP_CONFIG["entityid"]
        check.authnreq_etree = etree.fromstring(asked["request"])
        told = check.load_test(test_name=name)
        xml = told.render(user_attrs=settings.ATTRIBUTES)
        held = told.response_attrs.get("X509Certificate")
        signed = check.sign(xml, key_file=told.private_key, cert_file=held)
        made[name] = [conf["status_codes"][0], check.post_xml(signed, conf)]
    return made


def metadata_failures(path: str) -> tuple[int, list[str]]:
    """How many checks `saml2core` made of our metadata, and what it has against it."""
    check = SpidSpMetadataCheck(metadata_url=f"file://{path}")
    check.load()
    check.test_profile_saml2core()
    return len(check.results), [one["test"].partition("\n")[0] for one in check.errors]


asked = json.load(sys.stdin)
told = {
    "issuer": SAML2_IDP_CONFIG["entityid"],
    "certificate": Path(SAML2_IDP_CONFIG["cert_file"]).read_text("ascii"),
    "metadata": metadata_failures(asked["metadata"]),
    "responses": responses(asked),
}
sys.stdout.write(json.dumps(told) + "\n")
