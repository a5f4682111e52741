"""A world with a school that speaks SAML."""

import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from lxml import etree

from connectors.saml.names import SAML, SAMLP
from connectors.saml.signature import verified
from idp.app import open_service
from idp.config import load_settings
from tests.fixtures_world import ENVIRONMENT, Clock, Fields, World, settle, write_config
from tests.saml.messages import OTHER_KEY, SP_KEY, encryption_key, saml_system, sp_metadata

SECRET_SP = "https://secret.test/metadata"
"""A system whose assertions only the holder of `OTHER_KEY` can read."""


@pytest.fixture
async def school(
    tmp_path: Path, world_database_url: str, hashes: dict[str, str]
) -> AsyncIterator[World]:
    config = write_config(tmp_path, world_database_url)
    metadata = tmp_path / "school.xml"
    metadata.write_text(sp_metadata())
    other = tmp_path / "other.xml"
    other.write_text(sp_metadata(entity_id="https://other.test/metadata"))
    secret = tmp_path / "secret.xml"
    secret.write_text(sp_metadata(entity_id=SECRET_SP, extra=encryption_key(OTHER_KEY)))
    text = config.read_text("utf-8") + saml_system(metadata)
    text += saml_system(secret, "secret", ", encrypt_assertions = true")
    config.write_text(text + saml_system(other, "other", ', name_id = "transient"'), "utf-8")
    settings = load_settings(config, ENVIRONMENT)
    clock = Clock()
    people = await settle(settings, clock, hashes)
    async with open_service(settings, clock) as app:
        made = World(app, clock, settings, *people)
        yield made
        await made.close()


@pytest.fixture
async def idp_certificates(school: World) -> list[bytes]:
    document = (await school.http.get("/saml/metadata")).content
    found = etree.fromstring(document).iter("{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    return [base64.b64decode(node.text or "") for node in found]


class Told:
    """What a response says, read as a service provider reads it."""

    def __init__(self, response: httpx.Response, certificates: Sequence[bytes]) -> None:
        assert response.status_code == 200, response.text[:300]
        form = Fields(response.text)
        self.target, self.fields = form.actions[0], form.values
        self.raw = base64.b64decode(form.values["SAMLResponse"])
        self.root = etree.fromstring(self.raw)
        self.codes = [
            str(node.get("Value")).rpartition(":")[2]
            for node in self.root.iter(f"{{{SAMLP}}}StatusCode")
        ]
        kind = f"{{{SAML}}}Assertion" if self.codes == ["Success"] else f"{{{SAMLP}}}Response"
        self.signed = verified(self.raw, certificates, kind)

    def text(self, name: str) -> str:
        return "".join(next(self.signed.iter(f"{{{SAML}}}{name}")).itertext())

    @property
    def sid(self) -> str:
        return str(next(self.signed.iter(f"{{{SAML}}}AuthnStatement")).get("SessionIndex"))

    @property
    def attributes(self) -> dict[str, str]:
        return {
            str(node.get("Name")): "".join(node.itertext())
            for node in self.signed.iter(f"{{{SAML}}}Attribute")
        }


__all__ = ["SP_KEY"]
