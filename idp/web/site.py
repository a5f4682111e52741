"""The FastAPI application: the start page, static files, health. Consoles will live here."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from connectors.contract import PersonAttributes, SectorId
from connectors.registry import System
from idp.flows.sign_in import SignIn
from idp.model import Session
from idp.ports import Grants
from idp.protocol.languages import named
from idp.web.cookies import SESSION, CookieJar
from idp.web.error_pages import ErrorPages
from idp.web.http import Answer, HttpRequest
from idp.web.page_answers import PageAnswers
from idp.web.pages import StaticFile
from idp.web.views import HomeView

Ready = Callable[[], Awaitable[bool]]


def make_site(
    *,
    pages: PageAnswers,
    errors: ErrorPages,
    cookies: CookieJar,
    sign_in: SignIn,
    grants: Grants,
    systems: Sequence[System],
    ready: Ready,
) -> FastAPI:
    """Everything that is not an endpoint of a protocol."""
    site = FastAPI(title="Liên Thông", docs_url=None, redoc_url=None, openapi_url=None)

    @site.get("/healthz")
    async def healthz() -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    @site.get("/readyz")
    async def readyz() -> Response:
        """The stores behind it answer too."""
        if await ready():
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready"}, 503, {"retry-after": "5"})

    for file in (pages.pages.stylesheet, pages.pages.icon):
        site.add_api_route(file.path, _forever(file), methods=["GET"])

    @site.get("/")
    async def home(request: Request) -> Response:
        """Who is signed in here, and where one can go."""
        own = _own(request)
        session = await sign_in.session(cookies.read(own, SESSION))
        person = await _person(grants, session)
        chosen = named(request.query_params.get("lang"))
        nonce, locale = pages.nonce(), chosen or pages.locale(own)
        view = HomeView(
            locale=locale,
            nonce=nonce,
            lang_links={"vi": "/?lang=vi", "en": "/?lang=en"},
            signed_in_name=person.full_name if person else None,
            systems=tuple((s.name.for_locale(locale), s.address) for s in systems),
        )
        remembered = (pages.remember(locale),) if chosen else ()
        return _response(pages.page(pages.pages.home(view), nonce, 200, *remembered))

    @site.exception_handler(HTTPException)
    async def not_found(request: Request, error: HTTPException) -> Response:
        """404 and 405 as pages. Nobody was refused anything, so no record is kept (ADR 0022).

        Spec: RFC 9110 §15.5.6 (a 405 says what is allowed)
        """
        chosen = named(request.query_params.get("lang"))
        answer = errors.not_found(_own(request), chosen, error.status_code)
        allow = (error.headers or {}).get("Allow")
        told = () if allow is None else ((b"allow", allow.encode("ascii")),)
        return _response(answer.with_headers(*told))

    return site


async def _person(grants: Grants, session: Session | None) -> PersonAttributes | None:
    """Who is signed in: the durable end of the session counts, not what a store of them says."""
    if session is None:
        return None
    standing = await grants.standing(session.subject, "", SectorId(""), None, session.sid)
    if standing is None or not standing.enabled or standing.session_ended:
        return None
    person = await grants.person(session.subject)
    return person[2] if person else None


def _own(request: Request) -> HttpRequest:
    """A request of the framework, as far as our pages look at one."""
    return HttpRequest(
        method=request.method,
        path=request.url.path,
        query=request.scope["query_string"],
        fields=request.scope["headers"],
        address=request.client.host if request.client else "",
        received_at=0,
    )


def _response(answer: Answer) -> Response:
    headers = {name.decode(): value.decode("latin-1") for name, value in answer.headers}
    return Response(answer.body, answer.status, headers)


def _forever(file: StaticFile) -> Callable[[], Awaitable[Response]]:
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "x-content-type-options": "nosniff",
    }

    async def static() -> Response:
        return Response(file.content, media_type=file.media_type, headers=headers)

    return static
