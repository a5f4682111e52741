"""One browser, one province and one gallery for all of the browser's tests."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chrome import MISSING, Chrome, running_chrome
from tests.browser.gallery import Gallery, running_gallery
from tests.browser.province import Province, running_province

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def gallery() -> Iterator[Gallery]:
    with running_gallery() as made:
        yield made


@pytest.fixture(scope="session")
def province(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    folder = tmp_path_factory.mktemp("browser") / "province"
    with running_province(folder, gallery.landing) as made:
        yield made


@pytest.fixture(scope="session")
def the_chrome() -> Iterator[Chrome]:
    if MISSING:
        pytest.skip(f"not seen in a browser: {', '.join(MISSING)} cannot be found")
    with running_chrome() as made:
        yield made


@pytest.fixture
def chrome(the_chrome: Chrome) -> Iterator[Chrome]:
    """A browser without a past; at the end it must not have complained about anything."""
    yield the_chrome.begin()
    assert the_chrome.complaints() == []


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core, as the lock file says."""
    source = HERE / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        if shutil.which("npm") is None:
            pytest.skip("accessibility not checked by axe-core: npm cannot be found")
        command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
        if subprocess.run(command, cwd=HERE, check=False).returncode != 0:
            pytest.skip("accessibility not checked by axe-core: npm cannot install it")
    return source.read_text("utf-8")
