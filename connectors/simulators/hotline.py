"""The 1022 hotline: signing in is optional, and anonymous reports stay possible."""

import html

from fastapi import Form, Request
from fastapi.responses import Response

from connectors.simulators.oidc_stand_in import OidcStandIn
from connectors.simulators.stand_in import StandInSettings, read_settings, serve

_FORM = (
    '<form method="post" action="/report"><label for="text">{label}</label>'
    '<textarea id="text" name="text" required maxlength="2000"></textarea>'
    "<p class=actions><button>{send}</button></p></form>"
)


class Hotline(OidcStandIn):
    """On arrival it asks once, silently, whether the citizen is signed in somewhere already."""

    def __init__(self, settings: StandInSettings) -> None:
        super().__init__(settings, "hotline")
        self.application.get("/")(self.start)
        self.application.post("/report")(self.report)

    async def start(self, request: Request) -> Response:
        """The start page, after one silent look (`prompt=none`)."""
        asked = request.cookies.get(f"{self.cookie}_asked")
        if self.signed_in(request) is None and asked is None:
            return self.begin(request, prompt="none")
        return self.home(
            request,
            _FORM.format(label="Nội dung phản ánh (có thể ẩn danh)", send="Gửi phản ánh"),
            _FORM.format(label="Your report (it may be anonymous)", send="Send the report"),
        )

    async def report(self, request: Request, text: str = Form(max_length=2000)) -> Response:
        """Take a report, with the account where there is one."""
        session = self.signed_in(request)
        who = (session[0], session[0]) if session else ("ẩn danh", "anonymous")
        vi, en = (html.escape(name) for name in who)
        back = '<p class=actions><a class="button" href="/">{}</a></p>'
        return self.page(
            request,
            f"<h1>Đã tiếp nhận phản ánh</h1><p>Người gửi: {vi}. Nội dung dài {len(text)} ký tự.</p>"
            + back.format("Về trang chủ"),
            f"<h1>Report received</h1><p>From: {en}. It has {len(text)} characters.</p>"
            + back.format("Go to the start page"),
        )


if __name__ == "__main__":
    found = read_settings()
    serve(Hotline(found).application, found)
