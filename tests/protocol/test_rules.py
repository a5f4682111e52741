"""Single rules of the protocol, asked directly: what no whole journey reaches by itself."""

import hashlib
from base64 import b64encode, urlsafe_b64encode

import pytest

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    ConsentRule,
    Dialect,
    LocalText,
    PairwiseSub,
    Prompt,
    SectorId,
    SessionId,
    SignInRequest,
    SubjectId,
    WhenUnlinked,
)
from connectors.mapping import Source
from idp.errors import (
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    PageRefused,
    UnauthorizedClient,
)
from idp.model import (
    ApplicationType,
    Client,
    ClientAuthMethod,
    ClientId,
    GrantType,
    Session,
    Standing,
)
from idp.protocol.authorization_request import check_request
from idp.protocol.claims_request import parse_claims
from idp.protocol.client_auth import (
    MAX_HEADER,
    NoCredential,
    SecretCredential,
    check_secret,
    read_credential,
)
from idp.protocol.form import Form
from idp.protocol.next_step import (
    Claim,
    Consent,
    CreateAccount,
    Issue,
    Login,
    NoAccount,
    NotAdmitted,
    RequiredMissing,
    Step,
    StepUp,
    next_step,
)
from idp.protocol.pkce import check_verifier, read_challenge
from idp.protocol.redirect_uri import VerifiedRedirect, verify_redirect
from idp.protocol.scopes import read_scopes

SECRET = "s" * 40


def client(**changes: object) -> Client:
    fields: dict[str, object] = {
        "client_id": ClientId("c"), "name": LocalText(vi="c", en="c"), "sector": SectorId("c"),
        "redirect_uris": ("https://rp.test/cb",), "scopes": frozenset({"openid"}),
        "secret_digests": (hashlib.sha256(SECRET.encode()).digest(),),
    }  # fmt: skip
    return Client(**(fields | changes))  # type: ignore[arg-type]  # fields of every type


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("kind", "free"), [(ApplicationType.NATIVE, True), (ApplicationType.WEB, False)]
)
def test_only_a_native_client_has_a_free_port(kind: ApplicationType, *, free: bool) -> None:
    """RFC 8252 §7.3. A web client's loopback address (in the demo) is compared whole."""
    own = client(application_type=kind, redirect_uris=("http://127.0.0.1:8400/cb",))
    if free:
        assert verify_redirect(own, "http://127.0.0.1:9999/cb").uri == "http://127.0.0.1:9999/cb"
        return
    with pytest.raises(PageRefused):
        verify_redirect(own, "http://127.0.0.1:9999/cb")


def test_a_loopback_address_of_ipv6_has_a_free_port_too() -> None:
    own = client(application_type=ApplicationType.NATIVE, redirect_uris=("http://[::1]/cb",))
    assert verify_redirect(own, "http://[::1]:5000/cb")
    with pytest.raises(PageRefused):
        verify_redirect(own, "http://127.0.0.1:5000/cb")


def test_a_method_without_a_challenge_is_refused_even_where_pkce_is_excused() -> None:
    assert read_challenge(None, None, required=False) is None
    with pytest.raises(InvalidRequest):
        read_challenge(None, "S256", required=False)


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "=", "v" * 42 + "é"])
def test_a_verifier_that_is_none_is_refused_even_where_its_hash_fits(verifier: str) -> None:
    """RFC 7636 §4.1: 43 to 128 unreserved characters."""
    with pytest.raises(InvalidGrant):
        check_verifier(challenge_of(verifier), verifier)


@pytest.mark.parametrize("length", [43, 128])
def test_a_verifier_of_either_bound_is_accepted(length: int) -> None:
    check_verifier(challenge_of("v" * length), "v" * length)


def test_an_assertion_of_another_type_is_refused_before_it_is_read() -> None:
    """RFC 7521 §4.2: the type says how to read it."""
    saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    for kind in ({}, {"client_assertion_type": saml}):
        with pytest.raises(InvalidClient):
            read_credential([], Form({"client_assertion": "a.b.c"} | kind))


def test_a_credential_longer_than_any_of_ours_is_not_even_decoded() -> None:
    long = b64encode(b"c:" + b"x" * MAX_HEADER)
    with pytest.raises(InvalidClient):
        read_credential([b"Basic " + long], Form({}))
    assert read_credential([b"Basic " + long[:1000]], Form({}))


def test_a_disabled_client_is_refused_in_whichever_way_it_comes() -> None:
    for method, credential in (
        (ClientAuthMethod.NONE, NoCredential(ClientId("c"))),
        (
            ClientAuthMethod.SECRET_BASIC,
            SecretCredential(ClientId("c"), ClientAuthMethod.SECRET_BASIC, SECRET),
        ),
    ):
        living = client(auth_method=method)
        assert check_secret(credential, {living.client_id: living}).client is living
        dead = client(auth_method=method, disabled=True)
        with pytest.raises(InvalidClient):
            check_secret(credential, {dead.client_id: dead})


def test_either_of_two_secrets_is_accepted_while_one_is_replaced() -> None:
    both = client(secret_digests=tuple(hashlib.sha256(s.encode()).digest() for s in ("a", "b")))
    for secret, fits in (("a", True), ("b", True), ("c", False), ("", False)):
        credential = SecretCredential(ClientId("c"), ClientAuthMethod.SECRET_BASIC, secret)
        if fits:
            assert check_secret(credential, {both.client_id: both})
        else:
            with pytest.raises(InvalidClient):
                check_secret(credential, {both.client_id: both})


def test_a_client_without_the_code_grant_gets_no_code() -> None:
    own = client(grant_types=frozenset({GrantType.CLIENT_CREDENTIALS}))
    form = Form({
        "response_type": "code", "scope": "openid", "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    })  # fmt: skip
    with pytest.raises(UnauthorizedClient):
        check_request(form, own, VerifiedRedirect("https://rp.test/cb"))
    assert check_request(form, client(), VerifiedRedirect("https://rp.test/cb"))


@pytest.mark.parametrize(
    ("changes", "prompts", "granted"),
    [
        ({}, frozenset(), True),
        ({"consent": ConsentRule.IMPLIED}, frozenset(), False),
        ({"consent": ConsentRule.IMPLIED}, frozenset({Prompt.CONSENT}), True),
        (
            {"consent": ConsentRule.IMPLIED, "scopes": frozenset({"openid", "offline_access"})},
            frozenset(),
            True,
        ),
        ({"grant_types": frozenset({GrantType.AUTHORIZATION_CODE})}, frozenset(), False),
    ],
)
def test_offline_access_is_granted_where_somebody_has_agreed_to_it(
    changes: dict[str, object], prompts: frozenset[Prompt], *, granted: bool
) -> None:
    grants = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN})
    own = client(**({"grant_types": grants, "consent": ConsentRule.ASK} | changes))
    scopes = read_scopes("openid offline_access", own, prompts)
    assert ("offline_access" in scopes) is granted


def test_nested_lists_in_a_claims_request_are_too_large() -> None:
    deep = '{"userinfo":{"a":{"values":' + "[" * 41 + "]" * 41 + "}}}"
    with pytest.raises(InvalidRequest):
        parse_claims(deep)
    assert parse_claims(deep.replace("[" * 41, "[").replace("]" * 41, "]")).userinfo == {"a"}


NOW = 1_800_000_000
TAX = frozenset({Source.TAX_CODE})


def session(**changes: object) -> Session:
    fields: dict[str, object] = {
        "sid": SessionId("s"), "subject": SubjectId("p"), "assurance": Assurance.LEVEL_2,
        "amr": ("pwd",), "authenticated_at": NOW - 100, "created_at": NOW - 100,
        "expires_at": NOW + 100, "touched_at": NOW - 100,
    }  # fmt: skip
    return Session(**(fields | changes))  # type: ignore[arg-type]  # fields of every type


def standing(**changes: object) -> Standing:
    fields: dict[str, object] = {
        "subject": SubjectId("p"), "kind": AccountKind.CITIZEN, "enabled": True,
        "session_ended": False, "sub": PairwiseSub("sub"), "consented": frozenset(), "accounts": (),
    }  # fmt: skip
    return Standing(**(fields | changes))  # type: ignore[arg-type]  # fields of every type


def sign_in_request(**changes: object) -> SignInRequest:
    fields: dict[str, object] = {
        "dialect": Dialect.OIDC, "participant": "c", "participant_name": LocalText(vi="c", en="c"),
        "system": None, "sector": SectorId("c"), "required_assurance": Assurance.LEVEL_1,
        "when_unlinked": WhenUnlinked.NOT_NEEDED, "consent": ConsentRule.IMPLIED,
        "releases": frozenset({"openid"}),
    }  # fmt: skip
    return SignInRequest(**(fields | changes))  # type: ignore[arg-type]  # fields of every type


@pytest.mark.parametrize(
    ("asked", "held", "stands", "step"),
    [
        ({}, {}, {}, Issue(None)),
        ({}, {}, {"enabled": False}, Login()),
        ({}, {}, {"session_ended": True}, Login()),
        ({}, {"expires_at": NOW}, {}, Login()),
        ({}, {"expires_at": NOW + 1}, {}, Issue(None)),
        ({"prompts": frozenset({Prompt.LOGIN})}, {}, {}, Login()),
        ({"prompts": frozenset({Prompt.SELECT_ACCOUNT})}, {}, {}, Login()),
        ({"prompts": frozenset({Prompt.CONSENT})}, {}, {}, Consent(frozenset({"openid"}))),
        ({"max_age_seconds": 100}, {}, {}, Issue(None)),
        ({"max_age_seconds": 99}, {}, {}, Login()),
        ({"max_age_seconds": 0}, {"authenticated_at": NOW}, {}, Login()),
        ({"hinted_subject_sub": "sub"}, {}, {}, Issue(None)),
        ({"hinted_subject_sub": "other"}, {}, {}, Login()),
        ({"hinted_subject_sub": "sub"}, {}, {"sub": None}, Login()),
        (
            {"required_assurance": Assurance.LEVEL_2}, {"assurance": Assurance.LEVEL_1}, {},
            StepUp(Assurance.LEVEL_2),
        ),
        ({}, {}, {"missing": TAX}, RequiredMissing(TAX)),
        ({}, {}, {"admitted": False}, NotAdmitted()),
        ({"when_unlinked": WhenUnlinked.CREATE}, {}, {"admitted": False, "missing": TAX},
         NotAdmitted()),
        ({"prompts": frozenset({Prompt.LOGIN})}, {}, {"admitted": False}, Login()),
        (
            {"required_assurance": Assurance.LEVEL_2}, {"assurance": Assurance.LEVEL_1},
            {"missing": TAX}, StepUp(Assurance.LEVEL_2),
        ),
        ({"consent": ConsentRule.ASK}, {}, {"missing": TAX}, RequiredMissing(TAX)),
        ({"when_unlinked": WhenUnlinked.CREATE}, {}, {"missing": TAX}, RequiredMissing(TAX)),
        ({"when_unlinked": WhenUnlinked.CLAIM}, {}, {"missing": TAX}, RequiredMissing(TAX)),
        ({"when_unlinked": WhenUnlinked.REFUSE}, {}, {}, NoAccount()),
        ({"when_unlinked": WhenUnlinked.REFUSE}, {}, {"accounts": ("a",)}, Issue(AccountId("a"))),
        ({"when_unlinked": WhenUnlinked.CREATE}, {}, {}, CreateAccount()),
        (
            {"when_unlinked": WhenUnlinked.CREATE, "consent": ConsentRule.ASK}, {}, {},
            Consent(frozenset({"openid"})),
        ),
        (
            {"when_unlinked": WhenUnlinked.CREATE, "consent": ConsentRule.ASK}, {},
            {"consented": frozenset({"openid"})}, CreateAccount(),
        ),
        (
            {"when_unlinked": WhenUnlinked.CREATE, "prompts": frozenset({Prompt.CONSENT})}, {}, {},
            Consent(frozenset({"openid"})),
        ),
        ({"when_unlinked": WhenUnlinked.CLAIM}, {}, {}, Claim()),
        ({"when_unlinked": WhenUnlinked.CLAIM, "consent": ConsentRule.ASK}, {}, {}, Claim()),
        ({"when_unlinked": WhenUnlinked.REFUSE, "consent": ConsentRule.ASK}, {}, {}, NoAccount()),
        ({"consent": ConsentRule.ASK}, {}, {}, Consent(frozenset({"openid"}))),
        ({"consent": ConsentRule.ASK}, {}, {"consented": frozenset({"openid"})}, Issue(None)),
        ({"consent": ConsentRule.ASK}, {}, {"consented": frozenset({"email"})},
         Consent(frozenset({"openid"}))),
    ],
)  # fmt: skip
def test_the_one_decision_of_a_sign_in(
    asked: dict[str, object], held: dict[str, object], stands: dict[str, object], step: Step
) -> None:
    """The whole of `next_step`, a row for each branch."""
    assert next_step(sign_in_request(**asked), session(**held), standing(**stands), NOW) == step


def test_nobody_signed_in_is_a_login() -> None:
    assert next_step(sign_in_request(), None, None, NOW) == Login()
    assert next_step(sign_in_request(), session(), None, NOW) == Login()
