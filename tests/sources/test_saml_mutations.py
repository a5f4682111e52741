"""Answers that were signed validly, and then changed: whatever is still read, the source said."""

import random
from collections.abc import Iterator

from lxml import etree

from connectors.errors import SamlRefused
from connectors.sources.model import SamlUpstream
from connectors.sources.saml.assertion import Statement, read_assertion
from connectors.sources.saml.response import Expected, vouched_assertion
from tests.saml_idp import ACS, ENTITY, IDP, KEY, SSO, Says

NOW = 1_790_000_000
ROUNDS = 1200
UPSTREAM = SamlUpstream(sso_url=SSO, certificates=(KEY.der,))
EXPECTED = Expected(issuer=IDP, audience=ENTITY, acs=ACS, request_id="us_1", now=NOW)


def read(raw: bytes) -> Statement:
    return read_assertion(vouched_assertion(raw, UPSTREAM, EXPECTED), EXPECTED)


def seeds() -> list[bytes]:
    says = Says(now=NOW, request_id="us_1")
    both = says.whole(says.signed_assertion())
    return [one.encode() for one in (says.answer(), says.whole(), both)]


def octets_changed(raw: bytes, dice: random.Random) -> bytes:
    """One octet other, gone, or doubled."""
    at = dice.randrange(len(raw))
    put = dice.choice((b"", raw[at : at + 1] * 2, bytes([dice.randrange(32, 127)])))
    return raw[:at] + put + raw[at + 1 :]


def elements_changed(raw: bytes, dice: random.Random) -> bytes:
    """One element copied, moved, dropped, renamed, or put around another."""
    root = etree.fromstring(raw)
    nodes = list(root.iter())
    node, place = dice.choice(nodes[1:]), dice.choice(nodes)
    match dice.randrange(5):
        case 0:
            place.append(etree.fromstring(etree.tostring(node)))
        case 1 if place not in list(node.iter()):
            place.insert(0, node)
        case 2:
            parent = node.getparent()
            assert parent is not None
            parent.remove(node)
        case 3:
            node.set(dice.choice(("ID", "Id", "Version", "Recipient")), "_a1")
        case _:
            node.text = "evil"
    return etree.tostring(root)


def mutated() -> Iterator[bytes]:
    dice = random.Random(31)
    for raw in seeds():
        for _ in range(ROUNDS // 3):
            change = dice.choice((octets_changed, elements_changed))
            yield change(raw, dice)


def test_the_seeds_are_read() -> None:
    said = [read(raw) for raw in seeds()]
    assert said[0] == said[1] == said[2]


def test_whatever_is_changed_says_the_same_or_is_refused() -> None:
    right = read(seeds()[0])
    counts = {"refused": 0, "same": 0}
    for raw in mutated():
        try:
            said = read(raw)
        except SamlRefused:
            counts["refused"] += 1
            continue
        assert said == right, raw
        counts["same"] += 1
    assert counts["refused"] > ROUNDS * 0.5, counts
