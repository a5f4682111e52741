"""The pure rules: envelopes, dates of birth, client authentication, keys of others."""

import json
import secrets
from base64 import b64decode
from pathlib import Path

import pytest

from connectors.errors import UpstreamRefused
from connectors.identifiers.birthdate import read_birthdate
from connectors.identifiers.personal_number import is_personal_number
from connectors.simulators.upstream_people import PEOPLE
from connectors.sources.client_auth import token_request
from connectors.sources.model import SourceId
from connectors.sources.told import Told
from keys.envelope import KeyWrap, PayloadCipher, open_envelope, seal_envelope
from keys.errors import JoseRefused, NoSuchKey, SealBroken
from keys.foreign_keys import import_foreign_jwks
from keys.jose import JWT_OR_NONE, Expectation, import_jwks, verify
from keys.jwks import generate, public_jwk
from keys.pem import load_private_pem, load_public_pem, new_rsa_pem
from tests.sources.test_configuration import read
from tests.upstreams import PRIVATE_PEM, PUBLIC_PEM, sources_toml


@pytest.mark.parametrize("wrap", list(KeyWrap))
@pytest.mark.parametrize("cipher", list(PayloadCipher))
def test_an_envelope_opens_with_its_own_key_and_modes_alone(
    wrap: KeyWrap, cipher: PayloadCipher
) -> None:
    sealed = seal_envelope(b'{"a":1}', load_public_pem(PUBLIC_PEM), wrap, cipher)
    own = load_private_pem(PRIVATE_PEM)
    assert open_envelope(sealed["data"], sealed["key"], own, wrap, cipher) == b'{"a":1}'
    other = load_private_pem(new_rsa_pem()[0])
    with pytest.raises(SealBroken):
        open_envelope(sealed["data"], sealed["key"], other, wrap, cipher)
    other_wrap = next(mode for mode in KeyWrap if mode is not wrap)
    with pytest.raises(SealBroken):
        open_envelope(sealed["data"], sealed["key"], own, other_wrap, cipher)
    for broken in ("", "%%%", sealed["data"][:-8]):
        with pytest.raises(SealBroken):
            open_envelope(broken, sealed["key"], own, wrap, cipher)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("19850314", "1985-03-14"),
        ("1985-03-14", "1985-03-14"),
        ("14/03/1985", "1985-03-14"),
        ("1985", "1985"),
        ("19850000", "1985"),
        ("1985-00-00", "1985"),
        ("1985-03", "1985-03"),
        ("03/1985", "1985-03"),
        ("00/03/1985", "1985-03"),
        ("19850300", "1985-03"),
        ("1985-03-00", "1985-03"),
        ("13/1985", None),
        ("00/1985", None),
        ("198503", None),
        ("19850230", None),
        ("31/02/1985", None),
        ("1700", None),
        ("0000", None),
        ("١٩٨٥", None),
        ("", None),
        ("1985031", None),
    ],
)
def test_a_date_of_birth_is_read_as_far_as_it_is_known(text: str, known: str | None) -> None:
    found = read_birthdate(text)
    assert (found.value if found else None) == known


def test_an_identity_card_of_nine_digits_is_no_personal_number() -> None:
    assert is_personal_number("074185000101")
    for text in ("123456789", "07418500010a", "٠٧٤١٨٥٠٠٠١٠١", "0741850001011", ""):
        assert not is_personal_number(text)
    told = Told({"SoDinhDanh": "", "SoCMND": "123456789"})
    assert told.personal_number("SoDinhDanh", "SoCMND") is None
    assert Told({"SoCMND": "074185000101"}).personal_number("SoDinhDanh", "SoCMND")


@pytest.mark.parametrize("value", [7, ["a"], {"a": 1}, True, "a" * 301, "a\x00b", "a\u202eb"])
def test_a_claim_of_another_shape_is_nonsense(value: object) -> None:
    with pytest.raises(UpstreamRefused):
        Told({"name": value}).full_name("name")


@pytest.mark.parametrize("value", ["", " a", "a ", "ă", "a\n", "a" * 256, 7, None, ["a"]])
def test_a_subject_is_short_printable_ascii(value: object) -> None:
    with pytest.raises(UpstreamRefused):
        Told({"sub": value}).subject("sub")


def test_a_client_assertion_names_the_issuer_alone_and_lives_a_minute(tmp_path: Path) -> None:
    (tmp_path / "sign.pem").write_bytes(PRIVATE_PEM)
    text = sources_toml(tmp_path).replace(
        'auth = "client_secret_post"\nsecret = { env = "SECRET_1" }',
        'auth = "private_key_jwt"\nsigning_key_file = "sign.pem"',
        1,
    )
    source = read(text, tmp_path)[0][SourceId("u1")]
    form, headers = token_request(
        source, code="c", redirect_uri="https://id.test/cb", verifier="v", now=1000, jti="j"
    )
    own = load_private_pem(PRIVATE_PEM)
    keys = import_jwks(
        json.dumps({"keys": [public_jwk(own, "PS256")]}).encode(), frozenset({"PS256"})
    )
    expected = Expectation(
        algorithms=frozenset({"PS256"}),
        typ=JWT_OR_NONE,
        issuer="province",
        audience="https://u1.test",
        audience_must_be_string=True,
        max_lifetime_seconds=60,
    )
    assert verify(form["client_assertion"], keys, expected, 1000).text("sub") == "province"
    assert not headers
    assert "client_secret" not in form


def test_a_secret_in_a_header_is_encoded_before_it_is_joined(tmp_path: Path) -> None:
    text = (
        sources_toml(tmp_path)
        .replace('auth = "client_secret_post"\n', "", 1)
        .replace('[sources.u1]\npreset = "oidc"', '[sources.u1]\npreset = "oidc"', 1)
    )
    text = text.replace('client_id = "province"', 'client_id = "pro:vince"')
    source = read(text, tmp_path)[0][SourceId("u1")]
    _, headers = token_request(source, code="c", redirect_uri="r", verifier="v", now=1, jti="j")
    assert b64decode(headers["authorization"].split()[1]).startswith(b"pro%3Avince:")


def test_keys_that_we_cannot_use_are_passed_over_and_doubled_ones_refused() -> None:
    good = public_jwk(generate("ES256"), "ES256")
    encryption = public_jwk(generate("ES256"), "ES256") | {"use": "enc"}
    weird = {"kty": "AKP", "kid": "pq"}
    document = json.dumps({"keys": [weird, encryption, good, "nonsense"]}).encode()
    keys = import_foreign_jwks(document, frozenset({"ES256"}))
    assert [key.kid for key in keys.keys] == [good["kid"]]
    doubled = json.dumps(
        {"keys": [good, public_jwk(generate("ES256"), "ES256") | {"kid": good["kid"]}]}
    )
    for bad in (doubled.encode(), b"[]", b"{}", json.dumps({"keys": [good] * 21}).encode()):
        with pytest.raises(JoseRefused):
            import_foreign_jwks(bad, frozenset({"ES256"}))


def test_only_sound_keys_are_read_from_files() -> None:
    for raw in (b"", b"nonsense", PUBLIC_PEM, secrets.token_bytes(64)):
        with pytest.raises(NoSuchKey):
            load_private_pem(raw)
    with pytest.raises(NoSuchKey):
        load_public_pem(PRIVATE_PEM)


def test_nobody_of_the_simulated_people_is_twice() -> None:
    assert (
        len({person.subject for person in PEOPLE}) == len({p.number for p in PEOPLE}) == len(PEOPLE)
    )
