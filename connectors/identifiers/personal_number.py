"""The personal identification number: twelve digits, for life."""

import re

_NUMBER = re.compile(r"\d{12}", re.ASCII)


def is_personal_number(text: str) -> bool:
    """Whether this is a personal number, and not an identity card of nine digits.

    Spec: Law on Identification 26/2023/QH15, Article 12
    """
    return _NUMBER.fullmatch(text) is not None
