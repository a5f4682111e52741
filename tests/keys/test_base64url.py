"""One spelling for bytes: what another spelling says is refused, not guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import base64url


@given(st.binary(max_size=300))
def test_what_was_encoded_is_decoded_again(raw: bytes) -> None:
    assert base64url.decode(base64url.encode(raw).decode()) == raw


@given(st.text(alphabet="AQgw-_+/=\n aé", max_size=8))
def test_a_text_decodes_only_where_it_is_the_one_spelling(text: str) -> None:
    try:
        raw = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(raw).decode() == text


@pytest.mark.parametrize("text", ["QR", "QQ==", "Q Q", "Q\nQ", "+/8", "A", "é", "QQ\0"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        base64url.decode(text)
