"""Vietnamese telephone numbers, in all the ways in which registers hold them."""

import re
from collections.abc import Mapping

MOVED_2018: Mapping[str, str] = {
    **{f"16{n}": f"3{n}" for n in range(2, 10)},
    "120": "70",
    "121": "79",
    "122": "77",
    "126": "76",
    "128": "78",
    "123": "83",
    "124": "84",
    "125": "85",
    "127": "81",
    "129": "82",
    "186": "56",
    "188": "58",
    "199": "59",
}
"""Prefixes of mobile numbers that lost a digit in 2018; the old ones reach nobody any more."""
_SEPARATORS = re.compile(r"[\s().\-]")
_INTERNATIONAL = re.compile(r"\+[1-9][0-9]{7,14}")
_OLD_MOBILE = re.compile(r"\+84(1[0-9]{2})([0-9]{7})")


def e164(text: str) -> str:
    """The number in international form, as it is dialled today; empty where it is not a number.

    Spec: ITU-T E.164 §6 (at most 15 digits)
    """
    number = _SEPARATORS.sub("", text)
    if number.startswith("00"):
        number = "+" + number[2:]
    elif number.startswith("0"):
        number = "+84" + number[1:]
    elif number.startswith("84"):
        number = "+" + number
    if number.startswith("+840"):  # "+84 (0)905…"
        number = "+84" + number[4:]
    if not _INTERNATIONAL.fullmatch(number):
        return ""
    old = _OLD_MOBILE.fullmatch(number)
    if old is not None and old[1] in MOVED_2018:
        return f"+84{MOVED_2018[old[1]]}{old[2]}"
    return number
