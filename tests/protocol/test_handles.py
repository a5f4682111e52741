"""Whatever a request may hold, what is sealed for it opens again."""

import json
import secrets
from urllib.parse import urlencode

from hypothesis import example, given
from hypothesis import strategies as st

from connectors.contract import Assurance, PairwiseSub, SessionId, SubjectId
from idp.errors import OAuthError
from idp.model import ClientId
from idp.protocol.authorization_request import AuthorizationRequest, check_request
from idp.protocol.form import parse_form
from idp.protocol.handles import (
    ACCESS_TOKEN,
    CODE,
    AccessGrant,
    CodeGrant,
    new_family_id,
)
from idp.protocol.redirect_uri import MAX_LENGTH, verify_redirect
from idp.protocol.scopes import KNOWN, MAX_TOKENS
from keys.seal import Sealer
from tests.protocol.test_rules import client

NOW = 1_800_000_000
LONGEST_ADDRESS = "https://rp.test/".ljust(MAX_LENGTH, "x")
SEALER = Sealer([b"k" * 32], entropy=secrets.token_bytes)
WIDE = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)


def checked(nonce: str, claims: str) -> AuthorizationRequest | None:
    """The request, where it is taken at all."""
    query = {
        "client_id": "c",
        "redirect_uri": LONGEST_ADDRESS,
        "response_type": "code",
        "scope": " ".join(sorted(KNOWN)),
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
        "nonce": nonce,
        "claims": claims,
    }
    registered = client(redirect_uris=(LONGEST_ADDRESS,), scopes=KNOWN)
    try:
        form = parse_form(urlencode(query).encode())
        return check_request(form, registered, verify_redirect(registered, LONGEST_ADDRESS))
    except OAuthError:
        return None


def a_code(request: AuthorizationRequest) -> CodeGrant:
    return CodeGrant(
        family_id=new_family_id(NOW, b"f" * 10),
        subject=SubjectId("s" * 64),
        sub=PairwiseSub("p" * 64),
        sid=SessionId("i" * 64),
        redirect_uri=request.redirect.uri,
        scopes=KNOWN,
        claims_request=request.claims.compact(),
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        assurance=Assurance.LEVEL_2,
        amr=("pwd", "otp", "mfa", "hwk"),
        authenticated_at=NOW,
        expires_at=NOW + 60,
    )


def places(names: list[str]) -> str:
    half = len(names) // 2
    wanted = {"id_token": dict.fromkeys(names[:half]), "userinfo": dict.fromkeys(names[half:])}
    return json.dumps(wanted, ensure_ascii=False)


@given(nonce=WIDE, names=st.lists(st.text(max_size=120), max_size=60))
@example(nonce="", names=["\U0001f9ff" * 400, "\u20ab" * 400])
@example(nonce="\0" * 512, names=["\U0001f9ff" * 200] * 4)
@example(nonce="\U0001f9ff" * 512, names=[])
@example(nonce="n" * 512, names=[f"claim_{number:02}".ljust(40, "x") for number in range(40)])
def test_a_code_opens_again_whatever_was_asked_for(nonce: str, names: list[str]) -> None:
    request = checked(nonce, places(names))
    if request is None:
        return
    grant = a_code(request)
    handle = SEALER.seal_handle(CODE, grant.to_bytes(), b"c")
    assert CodeGrant.from_bytes(SEALER.open_handle(CODE, handle, b"c")) == grant


def test_the_longest_ordinary_request_is_taken() -> None:
    request = checked("n" * 512, places([f"claim_{number:02}" for number in range(40)]))
    assert request is not None
    assert len(request.claims.id_token | request.claims.userinfo) == 40


def test_names_that_nobody_can_know_are_ignored_like_other_unknown_ones() -> None:
    request = checked("n", places(["name", "t\u00ean", "a b", "x" * 101, "", '"', "website#vi"]))
    assert request is not None
    assert request.claims.id_token | request.claims.userinfo == {"name", "website#vi"}


def test_an_access_token_opens_again_with_all_scopes_that_may_be_registered() -> None:
    grant = AccessGrant(
        family_id=new_family_id(NOW, b"f" * 10),
        client_id=ClientId("c" * 100),
        scopes=frozenset(f"{number:02}".ljust(100, "s") for number in range(MAX_TOKENS)),
        issued_at=NOW,
        expires_at=NOW + 3600,
    )
    handle = SEALER.seal_handle(ACCESS_TOKEN, grant.to_bytes())
    assert AccessGrant.from_bytes(SEALER.open_handle(ACCESS_TOKEN, handle)) == grant
