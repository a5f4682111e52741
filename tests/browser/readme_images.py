"""`python -m tests.browser.readme_images docs/images`: what the README shows, made again."""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from idp.cli.demo import journey_table
from idp.demo.journey import Journey, StepResult
from tests.browser.chrome import running_chrome
from tests.browser.gallery import running_gallery
from tests.browser.province import Province, running_province
from tests.browser.screenshots import shoot

COLUMNS = 116
FROM_ELSEWHERE = re.compile(r"@font-face \{\{.*?\}\}|<!--.*?-->", re.DOTALL)
"""rich's picture would fetch its letters from elsewhere; the reader's own will do."""


def main(folder: Path) -> None:
    with (
        running_gallery() as gallery,
        tempfile.TemporaryDirectory() as own,
        running_province(Path(own) / "province", gallery.landing) as province,
        running_chrome() as chrome,
    ):
        svg = picture(asyncio.run(travel(province)))
        assert "https:" not in svg
        (folder / "journey.svg").write_text(svg, "utf-8")
        chrome.begin(width=1000)
        chrome.open(gallery.url("vi", "login"))
        shoot(chrome, folder / "sign-in.png")


async def travel(province: Province) -> list[StepResult]:
    """The journey that `make demo` drives."""
    people = [*province.linked, *province.claimants, *province.staff]
    journey = Journey(province.addresses, people, lambda _: None)
    assert await journey.run()
    return journey.results


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
