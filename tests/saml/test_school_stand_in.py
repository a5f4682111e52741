"""The stand-in school believes an assertion only where everything about it is meant for the school."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from connectors.contract import SessionId
from connectors.errors import SamlRefused
from connectors.registry import AcsEndpoint, SamlSettings
from connectors.saml.voice import Voice
from connectors.simulators.school import School
from connectors.simulators.school_messages import Expected, read_logout, read_response
from connectors.simulators.stand_in import StandInSettings
from connectors.systems.saml.logout import logout_notice
from connectors.systems.saml.response import ReplyTo, Statement, positive
from tests.saml.messages import ACS, OTHER_KEY, SOAP, SP, SP_KEY

NOW = 1_790_000_000
IDP = "https://id.test/saml/metadata"
VOICE = Voice(entity_id=IDP, signer=SP_KEY, certificate=SP_KEY.der)
SCHOOL = SamlSettings(entity_id=SP, acs=(AcsEndpoint(url=ACS, index=0),))
EXPECTED = Expected(idp=IDP, entity_id=SP, acs=ACS, request_id="_r1", now=NOW)


def response(voice: Voice = VOICE, **attributes: str) -> str:
    reply = ReplyTo(
        request_id="_r1",
        acs=ACS,
        now=NOW,
        response_id="_p",
        assertion_id="_a",
        randomness=b"",
        name_randomness=b"",
    )
    said = Statement(
        name_id="pair", attributes=attributes or {"local_account": "hs-1", "name": "Lan"},
        class_ref="LoA1", session=SessionId("sid-1"), authenticated_at=NOW,
    )  # fmt: skip
    return base64.b64encode(positive(voice, SCHOOL, reply, said).encode()).decode()


def test_whom_the_assertion_names_arrives() -> None:
    arrival = read_response(response(), [SP_KEY.der], EXPECTED)
    assert (arrival.account, arrival.name, arrival.session) == ("hs-1", "Lan", "sid-1")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"idp": "https://evil.test"}, id="another-provider"),
        pytest.param({"entity_id": "https://other.test"}, id="another-system"),
        pytest.param({"acs": "https://other.test/acs"}, id="another-address"),
        pytest.param({"request_id": "_r2"}, id="another-request"),
        pytest.param({"now": NOW + 181}, id="too-late"),
        pytest.param({"now": NOW - 91}, id="too-early"),
    ],
)
def test_what_is_meant_for_somebody_else_or_another_time_is_refused(
    other: dict[str, object],
) -> None:
    with pytest.raises(SamlRefused):
        read_response(response(), [SP_KEY.der], replace(EXPECTED, **other))  # type: ignore[arg-type]


def _changed(encoded: str) -> str:
    return base64.b64encode(base64.b64decode(encoded).replace(b"hs-1", b"hs-2")).decode()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: _changed(response()), id="changed"),
        pytest.param(lambda: response(replace(VOICE, signer=OTHER_KEY)), id="another-key"),
        pytest.param(lambda: response(name="Lan"), id="no-account"),
        pytest.param(lambda: "no base64!", id="nonsense"),
        pytest.param(lambda: base64.b64encode(b"<a/>").decode(), id="another-document"),
    ],
)
def test_what_the_provider_did_not_say_is_refused(make: Callable[[], str]) -> None:
    with pytest.raises(SamlRefused):
        read_response(make(), [SP_KEY.der], EXPECTED)


def notice(to: str = SOAP) -> bytes:
    return logout_notice(
        VOICE, SCHOOL, to=to, name_id="pair", sid="sid-1", request_id="_l", randomness=b"", now=NOW
    ).encode()


def test_a_signed_logout_names_the_session() -> None:
    assert read_logout(notice(), [SP_KEY.der], SOAP, NOW) == "sid-1"


@pytest.mark.parametrize(
    ("envelope", "keys", "now"),
    [
        pytest.param(notice(), [OTHER_KEY.der], NOW, id="another-key"),
        pytest.param(notice(), [SP_KEY.der], NOW + 181, id="too-late"),
        pytest.param(notice("https://other.test"), [SP_KEY.der], NOW, id="another-address"),
        pytest.param(notice().replace(b"sid-1", b"sid-2"), [SP_KEY.der], NOW, id="changed"),
        pytest.param(b"<a/>", [SP_KEY.der], NOW, id="no-envelope"),
    ],
)
def test_a_logout_that_is_not_right_ends_nothing(
    envelope: bytes, keys: list[bytes], now: int
) -> None:
    with pytest.raises(SamlRefused):
        read_logout(envelope, keys, SOAP, now)


async def test_a_browser_that_asked_for_nothing_is_refused_and_nobody_is_asked(
    tmp_path: Path,
) -> None:
    settings = StandInSettings(
        name_vi="Trường học", name_en="School", address="http://school.test",
        issuer="http://127.0.0.1:1", database=str(tmp_path / "school.sqlite"),
    )  # fmt: skip
    transport = httpx.ASGITransport(School(settings).application)
    async with httpx.AsyncClient(transport=transport, base_url="http://school.test") as browser:
        answer = await browser.post("/acs", data={"SAMLResponse": response()})
    assert answer.status_code == 403, "the provider of this school does not answer"
