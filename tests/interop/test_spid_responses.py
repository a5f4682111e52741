"""spid-sp-test, as far as it is about SAML and not about Italy: its checks of metadata, and all of
its response tests, read by the rules that read every answer of a source.
"""

import json
import subprocess
import time
from typing import Any

import pytest

from connectors.contract import Assurance, LocalText
from connectors.errors import SamlRefused, UpstreamRefused
from connectors.sources.model import Endpoints, Preset, SamlUpstream, Source, SourceAuth, SourceId
from connectors.sources.saml.assertion import read_assertion
from connectors.sources.saml.identity import identity_of
from connectors.sources.saml.metadata import sp_metadata
from connectors.sources.saml.place import place_at
from connectors.sources.saml.response import Expected, read_unread, vouched_assertion
from keys.certificates import read_certificate
from tests.interop.test_saml_source import PYTHON, ROOT
from tests.saml.messages import SpKey

TOOL = ROOT / "tests/interop/spid_responses.py"
LEVEL_2 = "https://www.spid.gov.it/SpidL2"
REQUEST = (
    '<AuthnRequest ID="us_1"><RequestedAuthnContext Comparison="minimum"><AuthnContextClassRef>'
    f"{LEVEL_2}</AuthnContextClassRef></RequestedAuthnContext></AuthnRequest>"
)
LEVELS = {
    "https://www.spid.gov.it/SpidL1": Assurance.LEVEL_1,
    LEVEL_2: Assurance.LEVEL_2,
    "https://www.spid.gov.it/SpidL3": Assurance.LEVEL_2,
}
NOT_OURS = {
    "3": "SPID wants both signed; a signature over the response covers its assertion",
    "14": "SPID alone compares IssueInstant with that of the request; InResponseTo binds the two",
    "39": "the same, of the assertion",
    "43": "an empty NameID: here an attribute names the person, and NameID is not read",
    "45": "SPID fixes the Format of NameID; here an attribute names the person",
    "46": "the same",
    "47": "the same",
    "48": "SPID demands NameQualifier",
    "49": "the same",
    "71": "SPID demands the Format of Issuer; the standard lets it be left out",
    "76": "SPID demands NotBefore; the standard lets it be left out",
}
"""Tests whose refusal is a rule of SPID, and not of SAML 2.0."""
ITALIAN = {
    "the metadata signature MUST be valid",
    "The Signature element MUST be present",
    "The SignatureMethod element MUST be present",
    "The Algorithm attribute MUST be present in SignatureMethod element",
    "The Algorithm attribute MUST be present in DigestMethod element",
    "The signature algorithm MUST be valid",
    "The digest algorithm MUST be valid",
    "One or more AttributeConsumingService elements MUST be present",
    "Only one Organization element can be present",
}
"""SPID's metadata are signed, and name attributes and an organisation; the standard leaves it open."""


def source_of(told: dict[str, Any]) -> Source:
    return Source(
        source_id=SourceId("spid"),
        preset=Preset.SAML,
        name=LocalText(vi="SPID", en="SPID"),
        issuer=told["issuer"],
        client_id="",
        auth=SourceAuth.PRIVATE_KEY_JWT,
        endpoints=Endpoints(authorization="https://spid.test/sso", token=""),
        scope="",
        pkce=False,
        nonce=False,
        id_token_alg=None,
        iss_parameter=False,
        assurance=LEVELS,
        assurance_otherwise=None,
        saml=SamlUpstream(
            sso_url="https://spid.test/sso",
            certificates=(read_certificate(told["certificate"]),),
            subject_attribute="fiscalNumber",
            attributes={"full_name": "name"},
        ),
    )


PLACE = place_at(source_of({"issuer": "x", "certificate": SpKey().pem.decode()}), "https://id.test")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    key, file = SpKey(), tmp_path_factory.mktemp("spid") / "sp.xml"
    file.write_bytes(sp_metadata(PLACE, [key.der], key.der, persistent=False))
    asked = {
        "request_id": "us_1", "acs": PLACE.acs, "entity": PLACE.entity_id, "class_ref": LEVEL_2,
        "request": REQUEST, "metadata": str(file),
    }  # fmt: skip
    done = subprocess.run(
        [PYTHON, "-W", "ignore", TOOL], input=json.dumps(asked), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def is_taken(xml: str, source: Source) -> bool:
    """Whether somebody would be signed in by this response."""
    expected = Expected(
        issuer=source.issuer, audience=PLACE.entity_id, acs=PLACE.acs, request_id="us_1",
        now=int(time.time()),
    )  # fmt: skip
    assert source.saml
    try:
        unread = read_unread(xml.encode())
        if unread.declined is not None:
            return False
        said = read_assertion(vouched_assertion(unread.raw, source.saml, expected), expected)
        return bool(identity_of(source, source.saml, said).subject)
    except (SamlRefused, UpstreamRefused):
        return False


def test_every_response_is_taken_or_refused_as_spid_wants_it(told: dict[str, Any]) -> None:
    source = source_of(told)
    wrong = {
        name
        for name, (status, xml) in told["responses"].items()
        if is_taken(xml, source) is not (status == 200)
    }
    assert len(told["responses"]) > 100
    assert wrong == set(NOT_OURS)


def test_our_metadata_pass_but_for_what_only_spid_demands(told: dict[str, Any]) -> None:
    checks, failed = told["metadata"]
    assert checks > 30
    assert set(failed) == ITALIAN
