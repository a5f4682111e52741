"""The one door (RFC 8725): what it lets in, and all that it keeps out."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from keys.errors import JoseRefused
from keys.jose import JWT_OR_NONE, Expectation, import_jwks, verify
from keys.jwks import generate, public_jwk
from keys.ring import ALGORITHMS, Algorithm
from keys.roca import is_roca
from keys.signer import Signer
from keys.verified import VerifiedClaims

NOW = 1_800_000_000
VECTORS = Path(__file__).parent / "vectors"


def a_key(alg: Algorithm) -> tuple[Signer, str]:
    key = generate(alg)
    public = public_jwk(key, alg)
    return Signer(public["kid"], alg, key), json.dumps({"keys": [public]})


SIGNERS = {alg: a_key(alg) for alg in ALGORITHMS}


def claims(**changes: Any) -> bytes:
    base = {"iss": "i", "aud": "a", "sub": "s", "exp": NOW + 60, "iat": NOW}
    return json.dumps({k: v for k, v in (base | changes).items() if v is not ...}).encode()


def expect(alg: str = "ES256", **changes: Any) -> Expectation:
    base: dict[str, Any] = {
        "algorithms": frozenset({alg}), "typ": JWT_OR_NONE, "issuer": "i", "audience": "a",
    }  # fmt: skip
    return Expectation(**(base | changes))


def read(token: str, alg: str = "ES256", **changes: Any) -> VerifiedClaims:
    keys = import_jwks(SIGNERS[alg][1].encode(), frozenset(ALGORITHMS))  # type: ignore[index]
    return verify(token, keys, expect(alg, **changes), NOW)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_we_sign_others_read_and_so_do_we(alg: Algorithm) -> None:
    signer, jwks = SIGNERS[alg]
    token = signer.sign("JWT", claims())
    assert read(token, alg).text("sub") == "s"
    public = json.loads(jwks)["keys"][0]
    key = pyjwt.PyJWK(public).key
    decoded = pyjwt.decode(
        token,
        key,
        algorithms=[alg],
        audience="a",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert decoded["sub"] == "s"
    other = joserfc_jwt.decode(token, joserfc_jwk.import_key(public), algorithms=[alg])
    assert other.claims["iss"] == "i"


@pytest.mark.parametrize(
    ("changes", "expectation"),
    [
        ({"iss": "x"}, {}),
        ({"iss": ...}, {}),
        ({"iss": ["i"]}, {}),
        ({"aud": "x"}, {}),
        ({"aud": ["a", "b"]}, {}),
        ({"aud": ["a"]}, {"audience_must_be_string": True}),
        ({"aud": ...}, {}),
        ({"exp": ...}, {}),
        ({"exp": NOW - 10}, {}),
        ({"exp": True}, {}),
        ({"exp": 1.5}, {}),
        ({"exp": str(NOW + 60)}, {}),
        ({"exp": 2**50}, {}),
        ({"exp": -1}, {}),
        ({"iat": NOW + 11}, {}),
        ({"nbf": NOW + 11}, {}),
        ({"exp": NOW + 601}, {"max_lifetime_seconds": 600}),
        ({}, {"required": frozenset({"exp", "jti"})}),
        ({}, {"typ": frozenset({"at+jwt"})}),
        ({}, {"algorithms": frozenset({"RS256"})}),
        ({}, {"max_bytes": 50}),
    ],
)
def test_a_claim_that_does_not_fit_is_refused(
    changes: dict[str, Any], expectation: dict[str, Any]
) -> None:
    token = SIGNERS["ES256"][0].sign("JWT", claims(**changes))
    with pytest.raises(JoseRefused):
        read(token, **expectation)


def test_a_clock_that_is_a_little_off_is_borne_with() -> None:
    token = SIGNERS["ES256"][0].sign("JWT", claims(iat=NOW + 10, exp=NOW - 9, aud=["a"]))
    assert read(token).integer("iat") == NOW + 10
    old = SIGNERS["ES256"][0].sign("JWT", claims(exp=NOW - 5000))
    assert read(old, allow_expired=True).text("sub") == "s"


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_header(header: dict[str, Any] | str, payload: bytes | None = None) -> str:
    """A token signed correctly over a header of the attacker's choice."""
    signer = SIGNERS["ES256"][0]
    head = header if isinstance(header, str) else json.dumps(header)
    signed = f"{b64(head.encode())}.{b64(payload or claims())}".encode()
    return f"{signed.decode()}.{b64(signer._sign(signed))}"


KID = SIGNERS["ES256"][0].kid
GOOD = {"alg": "ES256", "typ": "JWT", "kid": KID}


def test_the_forge_itself_makes_good_tokens() -> None:
    assert read(with_header(GOOD)).header_kid == KID
    assert read(with_header({"alg": "ES256"})).header_kid is None


@pytest.mark.parametrize(
    "header",
    [
        GOOD | {"alg": "none"},
        GOOD | {"alg": "None"},
        GOOD | {"alg": "HS256"},
        GOOD | {"alg": ["ES256"]},
        GOOD | {"alg": None},
        {"typ": "JWT"},
        GOOD | {"crit": ["x"], "x": 1},
        GOOD | {"crit": []},
        GOOD | {"b64": False, "crit": ["b64"]},
        GOOD | {"jwk": {}},
        GOOD | {"jku": "https://evil.test"},
        GOOD | {"x5u": "https://evil.test"},
        GOOD | {"x5c": ["x"]},
        GOOD | {"zip": "DEF"},
        GOOD | {"b64": False},
        GOOD | {"enc": "A256GCM"},
        GOOD | {"epk": {}},
        GOOD | {"p2c": 2**31, "p2s": "x"},
        GOOD | {"kid": "other"},
        GOOD | {"kid": 1},
        GOOD | {"kid": "../../dev/null"},
        GOOD | {"typ": "at+jwt"},
        GOOD | {"typ": 1},
        GOOD | {"typ": None},
        GOOD | {"typ": "client-authentication+jwt"},
        '{"alg":"none","alg":"ES256"}',
        "[]",
        "{",
        '"x"',
        "",
    ],
)
def test_no_header_talks_the_door_into_anything(header: dict[str, Any] | str) -> None:
    with pytest.raises(JoseRefused):
        read(with_header(header))


@pytest.mark.parametrize(
    "harmless",
    [
        {"x5t": "c2hhMQ"},
        {"x5t#S256": "c2hhMjU2"},
        {"cty": "JWT"},
        {"iat": NOW, "iss": "i"},
        {"vendor": {"nested": ["anything"]}},
    ],
)
def test_a_member_that_orders_nothing_is_ignored(harmless: dict[str, Any]) -> None:
    """RFC 7515 §4."""
    assert read(with_header(GOOD | harmless)).text("sub") == "s"


def test_each_purpose_names_the_types_it_reads() -> None:
    typed = with_header(GOOD | {"typ": "client-authentication+jwt"})
    for_clients = JWT_OR_NONE | {"client-authentication+jwt"}
    assert read(typed, typ=for_clients).text("sub") == "s"
    assert read(with_header({"alg": "ES256"}), typ=for_clients).text("sub") == "s"
    with pytest.raises(JoseRefused):
        read(with_header({"alg": "ES256"}), typ=frozenset({"at+jwt"}))


@pytest.mark.parametrize(
    "payload",
    [
        b"[]", b"null", b"{", b'{"iss":"i","iss":"i","aud":"a","exp":1900000000}',
        b'{"iss":"i","aud":"a","exp":NaN}', b'{"iss":"i","aud":"a","exp":1e999}',
        b'{"a":' * 150 + b"1" + b"}" * 150, b"\xff\xfe", b'{"x":' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)  # fmt: skip
def test_no_payload_confuses_the_door(payload: bytes) -> None:
    with pytest.raises(JoseRefused):
        read(with_header(GOOD, payload))


def test_every_other_spelling_of_a_token_is_refused() -> None:
    token = SIGNERS["ES256"][0].sign("JWT", claims())
    head, payload, signature = token.split(".")
    wrong = [
        "", ".", "..", "...", f"{head}.{payload}", f"{token}.x", f"{token}=", f" {token}",
        f"{head}=.{payload}.{signature}", f"{head}.{payload}.", f"{head}..{signature}",
        f"{head}.{payload}.{signature[:-1]}", f"{head}.{payload[:-1]}.{signature}",
        f"{head}.{payload}.{signature}é", "a" * 20_000, f"{head}.{payload}.{b64(b'0' * 64)}",
    ]  # fmt: skip
    for spelling in wrong:
        with pytest.raises(JoseRefused):
            read(spelling)


def test_another_key_of_ours_does_not_verify() -> None:
    key = generate("ES256")
    token = Signer(KID, "ES256", key).sign("JWT", claims())
    with pytest.raises(JoseRefused):
        read(token)


def test_typed_claims_refuse_what_they_are_not() -> None:
    found = read(SIGNERS["ES256"][0].sign("JWT", claims(flag=True, obj={"x": 1})))
    assert found.mapping("obj") == {"x": 1}
    assert "flag" in found
    assert "'sub'" in repr(found)
    for ask in (
        lambda: found.text("exp"),
        lambda: found.integer("flag"),
        lambda: found.mapping("sub"),
    ):
        with pytest.raises(JoseRefused):
            ask()
    with pytest.raises(TypeError):
        VerifiedClaims(object(), {}, None)


EC = json.loads(SIGNERS["ES256"][1])["keys"][0]
RSA = json.loads(SIGNERS["RS256"][1])["keys"][0]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [EC | {"d": "x"}],
        [{"kty": "oct", "k": "x"}],
        [EC | {"kty": "oct"}],
        [EC, EC],
        [EC | {"kid": str(n)} for n in range(21)],
        [EC | {"use": "enc"}],
        [EC | {"alg": "HS256"}],
        [EC | {"alg": "RS256"}],
        [EC | {"crv": "P-521"}],
        [EC | {"kid": 3}],
        [EC | {"x": b64(b"\x01" * 32)}],
        [{k: v for k, v in EC.items() if k != "y"}],
        [RSA | {"e": "AQ"}],
        [RSA | {"e": "Ag"}],
        [RSA | {"n": b64(secrets.token_bytes(128))}],
        ["x"],
        "x",
    ],
)
def test_a_key_set_with_one_bad_key_is_refused(entries: Any) -> None:
    with pytest.raises(JoseRefused):
        import_jwks(json.dumps({"keys": entries}).encode(), frozenset(ALGORITHMS))


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys":1}', b"\xff"])
def test_what_is_not_a_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(JoseRefused):
        import_jwks(document, frozenset(ALGORITHMS))


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"x":"\udfff"}', r'["\ud83d x"]'])
def test_half_a_character_is_refused_before_anybody_stores_it(text: str) -> None:
    payload = claims()[:-1] + f',"jti":{text}}}'.encode()
    with pytest.raises(JoseRefused, match="json"):
        read(with_header(GOOD, payload))
    whole = claims()[:-1] + rb',"jti":"\ud83d\ude00"}'
    assert read(with_header(GOOD, whole)).text("jti") == "😀"


@pytest.mark.parametrize(
    "entry",
    [
        EC | {"key_ops": ["sign"]},
        EC | {"key_ops": []},
        EC | {"key_ops": "verify"},
        RSA | {"e": b64((2**64 + 1).to_bytes(9, "big"))},
        EC | {"kty": ["EC"]},
        EC | {"crv": ["P-256"]},
        EC | {"alg": ["ES256"]},
        EC | {"x": 1},
        EC | {"x": EC["x"] + "=" * 40},
    ],
)
def test_a_key_that_is_for_something_else_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(JoseRefused):
        import_jwks(json.dumps({"keys": [entry]}).encode(), frozenset(ALGORITHMS))


@pytest.mark.parametrize(
    "curve", [{"alg": "ES384"}, {"crv": "P-384"}, {"kty": "OKP", "crv": "Ed448"}]
)
def test_a_key_of_another_curve_is_refused(curve: dict[str, str]) -> None:
    with pytest.raises(JoseRefused):
        import_jwks(json.dumps({"keys": [EC | curve]}).encode(), frozenset(ALGORITHMS))


def test_a_kid_never_chooses_the_algorithm() -> None:
    """A token under ES256 whose kid names the RSA key finds no key, and the other way round."""
    both = json.dumps({"keys": [EC, RSA | {"kid": "rsa"}]}).encode()
    keys = import_jwks(both, frozenset(ALGORITHMS))
    anything = expect("ES256", algorithms=frozenset(ALGORITHMS))
    for header in (GOOD | {"kid": "rsa"}, GOOD | {"alg": "RS256"}):
        with pytest.raises(JoseRefused, match="no single key"):
            verify(with_header(header), keys, anything, NOW)
    assert verify(with_header(GOOD), keys, anything, NOW).text("sub") == "s"


BEHIND_THE_SIGNATURE = ("json", "issuer", "audience", "claim missing", "expired")


def wycheproof(pattern: str) -> list[Any]:
    """Published vectors for JOSE: each says itself whether it is valid."""
    cases = []
    for file in sorted(VECTORS.glob(pattern)):
        document = json.loads(file.read_text("utf-8"))
        for group in document["testGroups"]:
            for test in group["tests"]:
                name = f"{file.stem}-{test['tcId']}"
                cases.append(pytest.param(group, test, id=name))
    assert cases
    return cases


def keys_of(document: dict[str, Any]) -> bytes:
    return json.dumps(document if "keys" in document else {"keys": [document]}).encode()


@pytest.mark.parametrize(("group", "test"), wycheproof("json_web_[sck]*.json"))
def test_wycheproof_forgeries_never_pass(group: dict[str, Any], test: dict[str, Any]) -> None:
    """Payloads of the vectors are no JWTs of ours, so none may pass; a signature that the vectors
    call invalid must fail at or before the signature, never at a claim behind it. Private and
    symmetric keys are never let in, whatever the vectors say."""
    if "public" not in group:
        with pytest.raises(JoseRefused):
            import_jwks(keys_of(group["private"]), frozenset(ALGORITHMS))
        return
    try:
        keys = import_jwks(keys_of(group["public"]), frozenset(ALGORITHMS))
    except JoseRefused:
        assert test["result"] != "valid" or not ours(group), "a good key of ours was refused"
        return
    anything = Expectation(
        algorithms=frozenset(ALGORITHMS),
        typ=JWT_OR_NONE,
        issuer="i",
        audience="a",
        required=frozenset(),
    )
    token = test.get("jws") or test.get("jwe")
    with pytest.raises(JoseRefused) as refused:
        verify(token if isinstance(token, str) else json.dumps(token), keys, anything, NOW)
    passed = str(refused.value) in BEHIND_THE_SIGNATURE
    if test["result"] == "invalid":
        assert not passed
    elif ours(group) and plain(test, group["public"]["alg"]):
        assert passed, "a good signature was refused"


def test_good_rsa_keys_are_not_taken_for_those_of_the_broken_generator() -> None:
    assert not is_roca(int.from_bytes(urlsafe_b64decode(RSA["n"] + "=="), "big"))
    assert not any(is_roca(secrets.randbits(2048) | 1) for _ in range(2000))


def ours(group: dict[str, Any]) -> bool:
    key = group["public"]
    strong = key.get("kty") != "RSA" or len(key["n"]) >= 342
    return key.get("alg") in ALGORITHMS and strong


def plain(test: dict[str, Any], alg: str) -> bool:
    """Not one of the vectors with a header or an empty payload, which we refuse on purpose."""
    token = test.get("jws")
    if not isinstance(token, str) or token.count(".") != 2:
        return False
    head, payload, _ = token.split(".")
    header = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    known = set(header) <= {"alg", "kid", "typ"} and header.get("typ") in (None, "JWT")
    return known and header["alg"] == alg and bool(payload)


@pytest.mark.parametrize(("group", "test"), wycheproof("json_web_encryption*.json"))
def test_what_is_encrypted_is_never_let_in(group: dict[str, Any], test: dict[str, Any]) -> None:
    with pytest.raises(JoseRefused):
        import_jwks(keys_of(group["private"]), frozenset(ALGORITHMS))
    with pytest.raises(JoseRefused):
        read(test["jwe"] if isinstance(test["jwe"], str) else json.dumps(test["jwe"]))
