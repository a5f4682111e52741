"""A browser as small as the journey needs: cookies, redirects, forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

MAX_HOPS = 20


@dataclass(slots=True)
class PageForm:
    """A form: where it goes, what it holds."""

    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.links: list[tuple[str, str]] = []
        """Each with its text."""
        self._open_link: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._open_link = found.get("href")
        elif tag == "form":
            self.forms.append(PageForm(found.get("action", ""), found.get("method", "get")))
        elif tag in ("input", "textarea") and self.forms and "name" in found:
            self.forms[-1].names.append(found["name"])
            if found.get("type") == "hidden":
                self.forms[-1].fields[found["name"]] = found.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._open_link is not None and data.strip():
            self.links.append((self._open_link, data.strip()))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._open_link = None


class Browser:
    """One citizen's browser. Posts a form by itself where all its fields are hidden."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(trust_env=False, timeout=15)
        self.url = ""
        self.form: PageForm | None = None
        self.links: list[tuple[str, str]] = []
        self.pages_with_a_question = 0

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def json(self, url: str) -> dict[str, object]:
        """A JSON document, with this browser's cookies."""
        document: dict[str, object] = (await self._client.get(url)).json()
        return document

    async def open(self, url: str) -> httpx.Response:
        """Go to an address and follow it to the next page with a question, or to the end."""
        return await self._follow(await self._client.get(url))

    async def click(self, text: str) -> httpx.Response:
        """Follow the first link of the page whose text holds this."""
        found = next((address for address, shown in self.links if text in shown), None)
        if found is None:
            raise LookupError(f"the page has no link {text!r}")
        return await self.open(urljoin(self.url, found))

    async def submit(self, fields: dict[str, str]) -> httpx.Response:
        """Fill in the form of the page and send it."""
        if self.form is None:
            raise LookupError("the page has no form")
        unknown = set(fields) - set(self.form.names) - {"decision"}
        if unknown:
            raise LookupError(f"the form has no {', '.join(sorted(unknown))}")
        target = urljoin(self.url, self.form.action)
        data = self.form.fields | fields
        return await self._follow(await self._client.post(target, data=data))

    async def sign_in_cookies(self, fields: dict[str, str]) -> dict[str, str]:
        """Send the form and follow nothing; the cookies that the browser then holds."""
        target = urljoin(self.url, self.form.action if self.form else "")
        data = (self.form.fields if self.form else {}) | fields
        await self._client.post(target, data=data)
        return dict(self._client.cookies)

    async def _follow(self, response: httpx.Response) -> httpx.Response:
        for _ in range(MAX_HOPS):
            self.url = str(response.url)
            if response.is_redirect:
                response = await self._client.get(urljoin(self.url, response.headers["location"]))
                continue
            parser = _Forms()
            parser.feed(response.text)
            self.form = parser.forms[0] if parser.forms else None
            self.links = parser.links
            if self.form is None or set(self.form.names) != set(self.form.fields):
                break
            if not self.form.fields or "confirmation" in self.form.fields:
                break
            target = urljoin(self.url, self.form.action)
            response = await self._client.post(target, data=self.form.fields)
        if self.form is not None and {"password", "otp"} & set(self.form.names):
            self.pages_with_a_question += 1
        return response
