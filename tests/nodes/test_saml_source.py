"""What a SAML source answered is taken once, whichever node it meets."""

from pathlib import Path

import pytest

from tests.fixtures_world import answer
from tests.nodes.conftest import Nodes
from tests.saml_idp import asked, come_back, saml_source, twin_of


@pytest.fixture
def more_config(tmp_path: Path) -> str:
    return saml_source(tmp_path)


@pytest.mark.parametrize("redis_is_lost", [False, True], ids=["S13-on-n2", "S13-after-flush"])
async def test_an_answer_that_one_node_took_is_taken_by_none(
    nodes: Nodes, redis_is_lost: bool
) -> None:
    browser = nodes.n1.browser()
    says = await asked(nodes.n1, browser)
    other, later = twin_of(nodes.n2, browser), twin_of(nodes.n2, browser)
    assert answer(await come_back(browser, says.answer()))["code"]
    if redis_is_lost:
        nodes.lose_redis()
    assert (await come_back(other, says.answer())).status_code == 400
    again = await asked(nodes.n2, later, prompt="login")
    assert again.assertion_id == says.assertion_id
    assert (await come_back(later, again.answer())).status_code == 400, "the assertion's id, too"


async def test_a_sign_in_that_one_node_began_ends_at_another(nodes: Nodes) -> None:
    browser = nodes.n1.browser()
    says = await asked(nodes.n1, browser)
    browser.world = nodes.n2
    assert answer(await come_back(browser, says.answer()))["code"]
