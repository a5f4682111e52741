"""What is owed by every page, as a browser lays it out."""

from typing import Any

from tests.browser.chrome import Chrome

_FACTS = """
const all = (selector) => Array.from(document.querySelectorAll(selector));
const shown = (e) => e.getClientRects().length > 0 && e.getBoundingClientRect().left >= 0;
const box = (e) => { const r = e.getBoundingClientRect();
  return {what: (e.innerText || e.name || e.tagName).trim().slice(0, 40),
          width: Math.round(r.width), height: Math.round(r.height)}; };
const fields = all('input:not([type=hidden]), textarea').filter(shown);
return {
  lang: document.documentElement.lang,
  title: document.title,
  headings: all('h1').map((e) => e.innerText),
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  targets: all('a[href], button, input:not([type=hidden]), textarea').filter(shown).map(box),
  main: all('button, a.button').filter(shown).map(box),
  nameless: fields.filter((e) => !(e.labels && e.labels.length)).map((e) => e.name),
  dangling: all('[aria-describedby]').flatMap((e) => e.getAttribute('aria-describedby').split(' '))
    .filter((id) => !document.getElementById(id)),
  tokens: Object.fromEntries(fields.map((e) => [e.name, e.autocomplete])),
  small: all('p, a, button, label, li, dd, dt, span, strong').filter(shown)
    .map((e) => parseFloat(getComputedStyle(e).fontSize)).filter((size) => size < 13).length,
};
"""


def facts(chrome: Chrome) -> dict[str, Any]:
    return dict(chrome.driver.execute_script(_FACTS))


def check(chrome: Chrome, language: str) -> None:
    """Language, one heading, nothing beyond the edge, targets that fingers hit, fields with names.

    Spec: WCAG 2.2 §1.4.10, §2.5.8, §3.1.1, §3.3.2
    """
    found = facts(chrome)
    where = f"{chrome.url} ({found['title']})"
    assert found["lang"] == language, where
    assert found["title"], where
    assert len(found["headings"]) == 1, where
    assert found["overflow"] <= 0, where
    for target in found["targets"]:
        assert target["width"] >= 24, (where, target)
        assert target["height"] >= 24, (where, target)
    for target in found["main"]:
        assert target["width"] >= 44, (where, target)
        assert target["height"] >= 44, (where, target)
    assert found["nameless"] == [], where
    assert found["dangling"] == [], where
    assert found["small"] == 0, where


def check_keyboard(chrome: Chrome) -> None:
    """Tab reaches everything that can be used, in the order of the page, and shows where it is.

    Spec: WCAG 2.2 §2.1.1, §2.4.7
    """
    stops = chrome.tab_walk()
    usable = chrome.driver.execute_script(
        "return Array.from(document.querySelectorAll("
        "'a[href], button, input:not([type=hidden]), textarea')).length"
    )
    assert len(stops) == usable, (chrome.url, stops)
    assert [stop for stop in stops if not stop.ring] == [], chrome.url
