"""The pages of a stand-in: one frame, two languages, nothing from elsewhere."""

import hashlib
import html
from base64 import b64encode
from typing import Literal

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

Language = Literal["vi", "en"]
Both = tuple[str, str]
"""Vietnamese, English."""

_STYLE = (
    "*{box-sizing:border-box}body{font:100%/1.55 system-ui,sans-serif;margin:0;min-height:100vh;"
    "display:flex;flex-direction:column;background:#f1f4f1;color:#17211a}"
    ".wrap{width:100%;max-width:60rem;margin:0 auto;padding:0 1rem}"
    "header{background:COLOUR;color:#fff}header .wrap{display:flex;flex-wrap:wrap;"
    "align-items:center;justify-content:space-between;gap:0 1rem;padding-top:.6rem;"
    "padding-bottom:.6rem}header strong{font-size:1.15rem;line-height:1.3}"
    "nav{display:flex;margin:0 -.75rem}nav a{display:inline-flex;align-items:center;"
    "min-height:2.75rem;padding:0 .75rem;color:#fff;text-decoration:none}"
    "nav a[aria-current]{text-decoration:underline;text-underline-offset:.35rem;font-weight:600}"
    "main{flex:1;padding-top:1.25rem!important;padding-bottom:1.25rem!important}"
    "section{max-width:36rem;margin:0 auto;padding:1.5rem 1.25rem;background:#fff;"
    "border:1px solid #d3dbd4;border-radius:.6rem;overflow-wrap:anywhere}"
    "h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.3;text-wrap:pretty}p{margin:0 0 1rem}"
    "label{display:block;text-wrap:pretty;margin-bottom:.35rem;font-weight:600}"
    "textarea{width:100%;min-height:7rem;padding:.6rem .75rem;font:inherit;color:inherit;"
    "border:1.5px solid #6d7a70;border-radius:.4rem}"
    ".actions{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.25rem 0 0}"
    "a.button,button{display:inline-flex;align-items:center;justify-content:center;"
    "min-height:3rem;padding:.6rem 1.25rem;background:COLOUR;color:#fff;border:2px solid COLOUR;"
    "border-radius:.4rem;font:inherit;font-weight:600;text-align:center;text-wrap:balance;text-decoration:none;"
    "cursor:pointer}a.quiet{background:transparent;color:COLOUR}"
    ":focus-visible{outline:3px solid #ffb000;outline-offset:2px;box-shadow:0 0 0 2px #17211a}"
    "dl{margin:0}dt{color:#4b584e}dd{margin:0 0 1.1rem;font-weight:600}"
    "footer{padding-top:.5rem!important;padding-bottom:1.5rem!important;color:#4b584e;"
    "font-size:.9rem;text-align:center;text-wrap:balance}"
    "@media(min-width:40rem){section{padding:2rem 2.25rem}main{padding-top:2.5rem!important}}"
)
_FOOTER: Both = (
    "Hệ thống mô phỏng để dùng thử Liên Thông. Mọi người và dữ liệu ở đây đều không có thật.",
    "A simulated system for trying Liên Thông. Nobody and nothing in it is real.",
)
_CURRENT = ' aria-current="true"'
_LANGUAGES: tuple[tuple[Language, str], ...] = (("vi", "Tiếng Việt"), ("en", "English"))


class PlainPages:
    """Frames what a stand-in says, in the language that the person chose here."""

    def __init__(self, name: Both, colour: str, short: str) -> None:
        self._name = name
        self._cookie = f"{short}_lang"
        self._style = _STYLE.replace("COLOUR", colour)
        digest = b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )

    def language(self, request: Request) -> Language:
        """What the link says, else what was chosen before, else Vietnamese."""
        chosen = request.query_params.get("lang") or request.cookies.get(self._cookie)
        return "en" if chosen == "en" else "vi"

    def page(self, request: Request, body: Both, status: int = 200) -> Response:
        """One page. `body` is HTML of ours; values in it are escaped already."""
        language = self.language(request)
        at = 1 if language == "en" else 0
        name = html.escape(self._name[at])
        links = "".join(
            f'<a href="/?lang={key}" lang="{key}" hreflang="{key}"'
            f"{_CURRENT if key == language else ''}>{word}</a>"
            for key, word in _LANGUAGES
        )
        response = HTMLResponse(
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{name}</title><style>{self._style}</style></head><body>"
            f'<header><div class="wrap"><strong>{name}</strong>'
            f'<nav aria-label="{("Ngôn ngữ", "Language")[at]}">{links}</nav></div></header>'
            f'<main class="wrap"><section>{body[at]}</section></main>'
            f'<footer class="wrap">{_FOOTER[at]}</footer></body></html>',
            status,
            {
                "cache-control": "no-store",
                "content-security-policy": self._policy,
                "referrer-policy": "no-referrer",
                "x-content-type-options": "nosniff",
            },
        )
        return self.remember(request, response)

    def remember(self, request: Request, response: Response) -> Response:
        """The response, with the language of the link that was followed, if one was."""
        if "lang" in request.query_params:
            language = self.language(request)
            response.set_cookie(self._cookie, language, httponly=True, samesite="lax", path="/")
        return response
