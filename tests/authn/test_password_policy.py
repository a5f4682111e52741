"""Which new passwords are taken, and why the others are not."""

import unicodedata

import pytest

from idp.authn.password_policy import refusal


def told(password: str, *, username: str = "trần.ánh", second_factor: bool = True) -> str:
    return refusal(password, username=username, second_factor=second_factor) or ""


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_names_are_found_in_both_compositions(form: str) -> None:
    service = unicodedata.normalize(form, "liên thông của tôi")
    own_name = unicodedata.normalize(form, "tôi là TRẦN.ÁNH đây")
    assert "name of this service" in told(service)
    assert "user name" in told(own_name)
    assert "user name" in told(
        "tôi là trần.ánh đây", username=unicodedata.normalize("NFD", "Trần.Ánh")
    )


def test_length_is_counted_in_letters_as_they_are_hashed() -> None:
    seven = unicodedata.normalize("NFD", "ệệệệệệệ")
    assert len(seven) > 15
    assert "at least 8" in told(seven)
    assert "at least 15" in told(seven, second_factor=False)


def test_case_does_not_hide_a_common_password() -> None:
    assert "most common" in told("PassWord1234")


@pytest.mark.parametrize(
    "password", ["mưa rơi trên mái", "aaaaaaaaaaaaaaaa b", "chỉ có chữ thường"]
)
def test_nothing_is_asked_about_composition(password: str) -> None:
    assert told(password, second_factor=False) == ""


def test_a_very_short_user_name_forbids_nothing() -> None:
    assert told("khoai lang nướng", username="an") == ""
