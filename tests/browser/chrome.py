"""Debian's Chromium, driven over loopback; and what a test asks of a page."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-gpu",
    "--disable-dev-shm-usage", "--disable-sync", "--disable-component-update", "--no-first-run",
    "--no-proxy-server", "--hide-scrollbars", "--disable-features=Translate,OptimizationHints",
)  # fmt: skip
LONGEST_TAB_WALK = 60


@dataclass(frozen=True)
class Focus:
    """Where the keyboard is."""

    tag: str
    name: str
    text: str
    ring: bool
    """Whether anything shows it."""


class Chrome:
    """One person's browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    # --- as the person finds it -----------------------------------------------------------

    def begin(self, *, width: int = 1280, language: str = "vi", scripts: bool = True) -> "Chrome":
        """A browser without a past, of this width, language and temper."""
        cdp = self.driver.execute_cdp_cmd
        if len(self.driver.window_handles) > 1:
            for extra in self.driver.window_handles[1:]:
                self.driver.switch_to.window(extra)
                self.driver.close()
            self.driver.switch_to.window(self.driver.window_handles[0])
        self.driver.get("about:blank")
        cdp("Network.clearBrowserCookies", {})
        height = 780 if width < 600 else 900
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        cdp("Emulation.setDeviceMetricsOverride", metrics)
        agent = self.driver.execute_script("return navigator.userAgent")
        cdp("Emulation.setUserAgentOverride", {"userAgent": agent, "acceptLanguage": language})
        cdp("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self.complaints()
        return self

    def open(self, url: str) -> None:
        self.driver.get(url)

    @property
    def url(self) -> str:
        return str(self.driver.current_url)

    @property
    def heading(self) -> str:
        return self.find("h1").text

    @property
    def text(self) -> str:
        return self.find("body").text

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def has(self, selector: str) -> bool:
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def complaints(self) -> list[str]:
        """What the browser complained about since the last look: refused by policy, not found."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if "favicon.ico" not in entry["message"]
            # Told where it obeyed, as well as where it did not.
            and not entry["message"].endswith('Cleared data types: "cache".')
        ]

    def arrives(self, prefix: str, seconds: float = 15) -> None:
        """Wait until the browser stands at an address; it may be sent on a few times before."""
        ends_at = time.monotonic() + seconds
        while not self.url.startswith(prefix):
            assert time.monotonic() < ends_at, f"still at {self.url}: {self.text[:300]}"
            time.sleep(0.05)

    # --- by keyboard alone ----------------------------------------------------------------

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, selector: str) -> None:
        """Press Tab until this has the focus."""
        wanted = self.find(selector)
        for _ in range(LONGEST_TAB_WALK):
            if self.driver.switch_to.active_element == wanted:
                return
            self.press(Keys.TAB)
        raise AssertionError(f"Tab never reaches {selector}")

    def type_into(self, selector: str, text: str) -> None:
        self.tab_to(selector)
        everything = ActionChains(self.driver).key_down(Keys.CONTROL).send_keys("a")
        everything.key_up(Keys.CONTROL).send_keys(text).perform()

    def fill_in(self, **fields: str) -> None:
        """Fill in and press Enter, without a mouse."""
        for name, value in fields.items():
            self.type_into(f'[name="{name}"]', value)
        self.enter()

    def enter(self, selector: str | None = None) -> None:
        """Press Enter here, and wait for the page that follows."""
        if selector is not None:
            self.tab_to(selector)
        before = self.find("html")
        self.press(Keys.ENTER)
        self._replaced(before)

    def _replaced(self, before: WebElement, seconds: float = 15) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            try:
                before.is_enabled()
            except Exception:  # noqa: S110 - gone, as wished
                break
            time.sleep(0.02)
        else:
            raise AssertionError("no page followed")
        self.settled()

    def settled(self, seconds: float = 15) -> None:
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            if self.driver.execute_script("return document.readyState") == "complete":
                return
            time.sleep(0.02)

    def tab_walk(self) -> list[Focus]:
        """Every stop of the Tab key, once around."""
        self.driver.execute_script("document.activeElement && document.activeElement.blur()")
        stops: list[Focus] = []
        for _ in range(LONGEST_TAB_WALK):
            self.press(Keys.TAB)
            found: dict[str, Any] | None = self.driver.execute_script(_FOCUS)
            if found is None:  # past the last stop; the walk may have begun in the middle
                continue
            if found.pop("seen"):
                break
            stops.append(Focus(**found))
        return stops


_FOCUS = """
const e = document.activeElement;
if (!e || e === document.body || e === document.documentElement) return null;
window.__stops = window.__stops || new Set();
const seen = window.__stops.has(e);
window.__stops.add(e);
const s = getComputedStyle(e);
const ring = (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2);
return {tag: e.tagName.toLowerCase(), name: e.getAttribute('name') || '',
        text: (e.innerText || '').trim(), ring: ring, seen: seen};
"""


@contextmanager
def running_chrome() -> Iterator[Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(shutil.which("chromedriver") or "")
    driver = webdriver.Chrome(options=options, service=service)
    try:
        driver.set_page_load_timeout(30)
        yield Chrome(driver)
    finally:
        driver.quit()
