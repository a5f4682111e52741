"""`python -m tests.browser.readme_images docs/images`: what the README shows, made again."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from idp.cli.demo import journey_table
from idp.demo.journey import StepResult
from tests.browser.chrome import running_chrome
from tests.browser.gallery import running_gallery
from tests.browser.screenshots import shoot

COLUMNS = 116
FROM_ELSEWHERE = re.compile(r"@font-face \{\{.*?\}\}|<!--.*?-->", re.DOTALL)
"""rich's picture would fetch its letters from elsewhere; the reader's own will do."""


def main(folder: Path) -> None:
    svg = picture(travel())
    assert "https:" not in svg
    (folder / "journey.svg").write_text(svg, "utf-8")
    with running_gallery() as gallery, running_chrome() as chrome:
        chrome.begin(width=1000)
        chrome.open(gallery.url("vi", "login"))
        shoot(chrome, folder / "sign-in.png")


def travel() -> list[StepResult]:
    """The journey that `make demo` drives."""
    demo = [sys.executable, "-m", "idp.cli", "demo", "--check"]
    done = subprocess.run(demo, capture_output=True, timeout=120, text=True, check=True)
    return [StepResult(**step) for step in json.loads(done.stdout.splitlines()[-1])["steps"]]


def picture(results: list[StepResult]) -> str:
    """The table as `make demo` prints it, for any width of page."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        console.print(journey_table(results))
        return console.export_svg(
            title="make demo", code_format=FROM_ELSEWHERE.sub("", CONSOLE_SVG_FORMAT),
            unique_id="journey",
        )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
