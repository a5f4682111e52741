"""pysaml2 as the identity provider above us: software that we did not write signs people in."""

import json
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.sources.model import SourceId
from keys.certificates import pem
from keys.pem import new_rsa_pem
from tests.fixtures_world import (
    ISSUER,
    RunningClock,
    World,
    answer,
)
from tests.saml.messages import SpKey
from tests.saml_idp import come_back, saml_source
from tests.sources.test_inbound import lives
from tests.tokens import claims_of
from tests.upstreams import leave

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv/spid-tools/bin/python"
TOOL = ROOT / "tests/interop/pysaml2_idp.py"
PLACE = "/upstream/staff"
FULL_NAME, MAIL = "urn:oid:2.5.4.3", "urn:oid:0.9.2342.19200300.100.1.3"


class PySaml2:
    """The identity provider, started for each question."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        key = SpKey()
        private = key.key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        )
        (folder / "idp.key").write_bytes(private)
        (folder / "idp.crt").write_bytes(key.pem)

    def ask(self, **asked: object) -> dict[str, str]:
        told = subprocess.run(
            [PYTHON, TOOL, self.folder], input=json.dumps(asked), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr[-2000:]
        return dict(json.loads(told.stdout))

    def answer(self, address: str, person: str, **signing: object) -> str:
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        return self.ask(what="answer", person=person, signing=signing, **query)["response"]


@pytest.fixture
def idp(tmp_path: Path) -> PySaml2:
    return PySaml2(tmp_path)


@pytest.fixture
def more_config(tmp_path: Path, idp: PySaml2) -> str:
    (tmp_path / "sp.pem").write_bytes(new_rsa_pem()[0])
    metadata = idp.ask(what="metadata")["metadata"]
    text = saml_source(tmp_path, more='decryption_key_file = "sp.pem"', metadata=metadata)
    return text.replace('"cn"', f'"{FULL_NAME}"').replace('"mail"', f'"{MAIL}"')


@pytest.fixture
def world_clock() -> RunningClock:
    return RunningClock()


SIGNING: dict[str, dict[str, object]] = {
    "assertion": {"sign_assertion": True, "sign_response": False},
    "response": {"sign_assertion": False, "sign_response": True},
    "both": {"sign_assertion": True, "sign_response": True},
}
TEMPLATE = """<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">
<xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/>
<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>
<xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/>
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>
<xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"""
ASSERTION_ENDS = "</ns1:Assertion>"


def encrypted_by_xmlsec(response: str, certificate: bytes, folder: Path) -> str:
    """The assertion of the response inside an EncryptedAssertion, as xmlsec1 writes it.

    Why not by pysaml2: it encrypts under triple DES alone.
    """
    begin, end = response.index("<ns1:Assertion "), response.index(ASSERTION_ENDS)
    end += len(ASSERTION_ENDS)
    (folder / "open.xml").write_text(
        f"{response[:begin]}<ns1:EncryptedAssertion>{response[begin:end]}"
        f"</ns1:EncryptedAssertion>{response[end:]}"
    )
    (folder / "template.xml").write_text(TEMPLATE)
    (folder / "reader.crt").write_text(pem(certificate))
    told = subprocess.run(
        [
            "xmlsec1", "--encrypt", "--pubkey-cert-pem", folder / "reader.crt", "--session-key",
            "aes-256", "--xml-data", folder / "open.xml", "--node-xpath",
            "//*[local-name()='Assertion']", folder / "template.xml",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.parametrize("signing", SIGNING)
async def test_a_person_of_pysaml2_signs_in(world: World, idp: PySaml2, signing: str) -> None:
    (idp.folder / "sp.xml").write_bytes((await world.http.get(f"{PLACE}/metadata")).content)
    browser = world.browser()
    address = await leave(browser, "staff", scope="openid profile email")
    came = await come_back(browser, idp.answer(address, "p-17", **SIGNING[signing]))
    tokens = (await world.redeem(answer(came)["code"])).json()
    told = (await world.userinfo(tokens["access_token"])).json()
    assert (told["name"], told["email"]) == ("Lê Thị An", "an@tinh.test")
    assert claims_of(tokens["id_token"])["acr"] == "LoA1"


async def test_an_assertion_that_xmlsec_encrypted_is_opened(world: World, idp: PySaml2) -> None:
    (idp.folder / "sp.xml").write_bytes((await world.http.get(f"{PLACE}/metadata")).content)
    source = world.settings.sources[SourceId("staff")]
    assert source.saml
    assert source.saml.opener
    browser = world.browser()
    address = await leave(browser, "staff")
    plain = idp.answer(address, "p-17", **SIGNING["assertion"])
    secret = encrypted_by_xmlsec(plain, source.saml.opener.certificate, idp.folder)
    assert "an@tinh.test" in plain
    assert "an@tinh.test" not in secret
    assert answer(await come_back(browser, secret))["code"]


async def test_a_logout_of_pysaml2_ends_the_session_here(world: World, idp: PySaml2) -> None:
    (idp.folder / "sp.xml").write_bytes((await world.http.get(f"{PLACE}/metadata")).content)
    browser = world.browser()
    address = await leave(browser, "staff")
    came = await come_back(browser, idp.answer(address, "p-17", **SIGNING["both"]))
    token = (await world.redeem(answer(came)["code"])).json()["access_token"]
    assert await lives(world, browser, token)
    slo, sp = f"{ISSUER}{PLACE}/slo", f"{ISSUER}{PLACE}/metadata"
    told = idp.ask(what="logout", person="p-17", slo=slo, sp=sp)["address"]
    done = await world.http.get(told.removeprefix(ISSUER))
    assert done.status_code == 303
    assert parse_qs(urlsplit(done.headers["location"]).query)["RelayState"] == ["back-there"]
    assert not await lives(world, browser, token)
