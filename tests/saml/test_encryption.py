"""An assertion that only the system can read; xmlsec1, which is not ours, reads it in its place."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from connectors.registry import AcsEndpoint, SamlSettings
from connectors.saml.names import SAML, SAMLP
from connectors.saml.signature import verified
from connectors.systems.saml.logout import logout_notice
from connectors.systems.saml.response import ReplyTo, Statement, Voice, positive
from idp.config import ConfigurationRefused, load_settings
from tests.fixtures_world import ENVIRONMENT, Fields, World, write_config
from tests.saml.conftest import SECRET_SP
from tests.saml.messages import (
    OTHER_KEY,
    SP_KEY,
    SpKey,
    authn_request,
    encryption_key,
    saml_system,
    signed_query,
    sp_metadata,
)

needs_xmlsec1 = pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is missing")


async def posted(school: World) -> bytes:
    browser = school.browser()
    await browser.code(school.alice)
    query = signed_query(authn_request(school.clock.now, issuer=SECRET_SP))
    page = (await browser.http.get(f"/saml/sso?{query}")).text
    return base64.b64decode(Fields(page).values["SAMLResponse"])


def decrypted(response: bytes, key: SpKey, folder: Path) -> subprocess.CompletedProcess[bytes]:
    pem = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "reader.pem").write_bytes(pem)
    (folder / "response.xml").write_bytes(response)
    command = ["xmlsec1", "--decrypt", "--privkey-pem", "reader.pem", "response.xml"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=20)


@needs_xmlsec1
async def test_the_holder_of_the_key_reads_a_signed_assertion(
    school: World, idp_certificates: list[bytes], tmp_path: Path
) -> None:
    response = await posted(school)
    assert "Ánh Tuyết".encode() not in response
    assert f"{{{SAML}}}Assertion" not in {node.tag for node in etree.fromstring(response).iter()}
    told = decrypted(response, OTHER_KEY, tmp_path)
    assert told.returncode == 0, told.stderr
    inside = next(etree.fromstring(told.stdout).iter(f"{{{SAML}}}Assertion"))
    assertion = verified(etree.tostring(inside), idp_certificates, f"{{{SAML}}}Assertion")
    names = {str(node.get("Name")): "".join(node.itertext()) for node in assertion.iter()}
    assert names["name"] == "Nguyễn Thị Ánh Tuyết"


@needs_xmlsec1
async def test_another_key_reads_nothing(school: World, tmp_path: Path) -> None:
    told = decrypted(await posted(school), SP_KEY, tmp_path)
    assert told.returncode != 0
    assert "Ánh Tuyết".encode() not in told.stdout


async def test_no_two_assertions_share_a_content_key(school: World) -> None:
    values = [
        node.text
        for response in (await posted(school), await posted(school))
        for node in etree.fromstring(response).iter("{*}CipherValue")
    ]
    assert len(set(values)) == 4


NAMED = SamlSettings(
    entity_id="https://quiet.test",
    acs=(AcsEndpoint(url="https://quiet.test/acs", index=0),),
    name_certificate=OTHER_KEY.der,
)
VOICE = Voice(entity_id="https://id.test", signer=SP_KEY, certificate=SP_KEY.der)


def response_with_a_name() -> bytes:
    reply = ReplyTo(
        request_id="_r", acs="https://quiet.test/acs", now=1_790_000_000, response_id="_a",
        assertion_id="_b", randomness=os.urandom(44), name_randomness=os.urandom(44),
    )  # fmt: skip
    said = Statement(
        name_id="pairwise-name", attributes={}, class_ref="LoA2", session="s", authenticated_at=0
    )
    return positive(VOICE, NAMED, reply, said).encode()


def notice_with_a_name() -> bytes:
    told = logout_notice(
        VOICE, NAMED, to="https://quiet.test/soap", name_id="pairwise-name", sid="s",
        request_id="_l", randomness=os.urandom(44), now=1_790_000_000,
    )  # fmt: skip
    return etree.tostring(etree.fromstring(told)[0][0])


@needs_xmlsec1
@pytest.mark.parametrize(
    ("written", "signed_element"),
    [
        pytest.param(response_with_a_name, f"{{{SAML}}}Assertion", id="in-an-assertion"),
        pytest.param(notice_with_a_name, f"{{{SAMLP}}}LogoutRequest", id="in-a-logout"),
    ],
)
def test_an_encrypted_name_is_for_the_holder_of_the_key(
    written, signed_element: str, tmp_path: Path
) -> None:
    message = written()
    assert b"pairwise-name" not in message
    assert verified(message, [SP_KEY.der], signed_element) is not None
    told = decrypted(message, OTHER_KEY, tmp_path)
    assert told.returncode == 0, told.stderr
    name = next(etree.fromstring(told.stdout).iter(f"{{{SAML}}}NameID"))
    assert (name.text, name.get("SPNameQualifier")) == ("pairwise-name", "https://quiet.test")
    assert decrypted(message, SP_KEY, tmp_path).returncode != 0


def test_an_encrypted_name_without_a_key_for_it_stops_the_start(tmp_path: Path) -> None:
    assert "a key for encryption" in refused(tmp_path, sp_metadata(), "encrypt_name_id")


def refused(folder: Path, metadata: str, wish: str = "encrypt_assertions") -> str:
    config = write_config(folder, "sqlite:///x")
    (folder / "sp.xml").write_text(metadata)
    system = saml_system(folder / "sp.xml", more=f", {wish} = true")
    config.write_text(config.read_text("utf-8") + system, "utf-8")
    with pytest.raises(ConfigurationRefused) as told:
        load_settings(config, ENVIRONMENT)
    return str(told.value.problems)


def test_encryption_without_a_key_for_it_stops_the_start(tmp_path: Path) -> None:
    assert "a key for encryption" in refused(tmp_path, sp_metadata())


def test_a_short_key_for_encryption_stops_the_start(tmp_path: Path) -> None:
    metadata = sp_metadata(extra=encryption_key(SpKey(1024)))
    assert "2048" in refused(tmp_path, metadata)
