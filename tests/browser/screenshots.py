"""`python -m tests.browser.screenshots OUT_DIR`: every page, two widths, two languages."""

import sys
import tempfile
from base64 import b64decode
from pathlib import Path

from tests.browser.chrome import Chrome, running_chrome
from tests.browser.gallery import running_gallery
from tests.browser.province import Province, otp, running_province

WIDTHS = (360, 1280)
NAMES = ("portal", "hotline", "onestop")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        running_gallery() as gallery,
        tempfile.TemporaryDirectory() as own,
        running_province(Path(own) / "province", gallery.landing) as province,
        running_chrome() as chrome,
    ):
        for width in WIDTHS:
            for language in ("vi", "en"):
                chrome.begin(width=width, language=language)
                for name in gallery.names:
                    chrome.open(gallery.url(language, name))
                    shoot(chrome, folder / f"{name}-{width}-{language}.png")
                systems(chrome, province, language, folder, width)


def systems(chrome: Chrome, province: Province, language: str, folder: Path, width: int) -> None:
    """The stand-ins before, during and after a sign-in."""
    person = province.linked.pop()
    chrome.begin(width=width, language=language)
    for name, address in zip(NAMES, province.systems, strict=True):
        chrome.open(f"{address}/?lang={language}")
        chrome.arrives(address)
        shoot(chrome, folder / f"system-{name}-before-{width}-{language}.png")
    chrome.open(f"{province.portal}/callback")
    shoot(chrome, folder / f"system-portal-failed-{width}-{language}.png")
    chrome.open(f"{province.portal}/login")
    chrome.fill_in(username=person.username, password=person.password)
    chrome.fill_in(otp=otp(person))
    chrome.arrives(province.portal)
    for name, address in zip(NAMES, province.systems, strict=True):
        chrome.open(f"{address}/login")
        chrome.arrives(address)
        shoot(chrome, folder / f"system-{name}-signed-in-{width}-{language}.png")


def shoot(chrome: Chrome, path: Path) -> None:
    """The whole page, as high as it is."""
    size = chrome.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
    shot = chrome.driver.execute_cdp_cmd(
        "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
    )
    path.write_bytes(b64decode(shot["data"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
