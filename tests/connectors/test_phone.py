"""Telephone numbers: every spelling is one number, and what is no number is none."""

import pytest

from connectors.identifiers.phone import MOVED_2018, e164


@pytest.mark.parametrize(
    "text",
    [
        "0905000001", "+84905000001", "84905000001", "0084905000001", "+84 905 000 001",
        "0905.000.001", "(0905) 000-001", "+84 (0)905 000 001",
    ],
)  # fmt: skip
def test_every_spelling_is_one_number(text: str) -> None:
    assert e164(text) == "+84905000001"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("01623456789", "+84323456789"),
        ("01693456789", "+84393456789"),
        ("01203456789", "+84703456789"),
        ("01293456789", "+84823456789"),
        ("+841863456789", "+84563456789"),
        ("01993456789", "+84593456789"),
    ],
)
def test_a_number_from_before_2018_is_told_as_it_is_dialled_today(old: str, new: str) -> None:
    assert e164(old) == new


def test_no_two_old_prefixes_became_one() -> None:
    assert len(set(MOVED_2018.values())) == len(MOVED_2018) == 21


@pytest.mark.parametrize("text", ["02743822444", "+12025550100", "+842743822444"])
def test_fixed_lines_and_foreign_numbers_keep_their_digits(text: str) -> None:
    assert e164(text) == "+84" + text[1:] if text.startswith("0") else e164(text) == text


@pytest.mark.parametrize(
    "text", ["", "không có", "0", "+", "0905", "0905000001 hoặc 0905000002", "٠٩٠٥٠٠٠٠٠١", "113"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert e164(text) == ""
