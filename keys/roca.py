"""Telling RSA keys of a broken generator (CVE-2017-15361, "ROCA") by their modulus."""

from typing import Final

_GENERATOR = 65537
_PRIMES: Final = (
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
)  # fmt: skip
"""Small primes modulo which few numbers are powers of the generator."""


def _powers(prime: int) -> frozenset[int]:
    found, power = set(), 1
    while power not in found:
        found.add(power)
        power = power * _GENERATOR % prime
    return frozenset(found)


_MARKS: Final = tuple((prime, _powers(prime)) for prime in _PRIMES)


def is_roca(modulus: int) -> bool:
    """Whether the key came from the generator whose primes can be computed.

    Why here: those chips signed on identity cards and tokens of governments. A good key looks
    like one of them less than once in a hundred million.
    """
    return all(modulus % prime in powers for prime, powers in _MARKS)
