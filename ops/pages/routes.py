"""The routes of the pages: an address, the figures behind it, a template.

Everything here only reads. A fault becomes a friendly page with the same code and status that a program would get.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from sqlalchemy import select
from starlette.routing import Match
from starlette.types import Scope

from contracts.faults import Fault, Problem, UnavailableFault, fault
from ops.http.api import operator_of, principal_of
from ops.pages import (
    actions,
    agencies,
    feeds,
    obligations,
    quality,
    reconciliation,
    record,
    reference,
    reviews,
    standing,
    versions,
)
from ops.pages.asking import Asked, asked, page_start
from ops.pages.links import Links
from ops.pages.picking import address, noted
from ops.pages.remembering import Scorecards
from ops.pages.templating import STATIC, Templates
from projections.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ops.composition import House
    from ops.settings import Settings

SECTIONS = (obligations, reconciliation, versions, reviews, actions, feeds, quality)
"""What adds pages of its own, in the order of the committee's work."""

_FOREVER = "public, max-age=31536000, immutable"
_FRESH = "private, no-cache"


class Pages:
    """Renders pages over one house; made once an app."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.cards = Scorecards(house)
        self._templates = Templates()

    def page(
        self, name: str, figures: Mapping[str, Any], *, here: str, nav: str = "", reading: Asked | None = None
    ) -> HTMLResponse:
        """One page. ``here`` is its address, ``nav`` the main section it belongs to."""
        at = reading or asked(self.house, "")
        place = address()
        frame = {
            "links": at.links,
            "zone": self.house.zone,
            "as_of": at.as_of,
            "past": at.past,
            "past_us": at.as_of.moment_us,
            "past_day": at.day,
            "today": at.today,
            "here": here,
            "now_address": place.now(here),
            "picker": place if reading is not None and place.readable else None,
            "nav": nav,
            "head": self.house.reader.head().log_index,
            "names": self._names(at),
        }
        text = self._templates.render(f"{name}.html", {**frame, **figures})
        return HTMLResponse(text, headers={"cache-control": _FRESH})

    def _names(self, at: Asked) -> dict[str, str]:
        # What each agency calls itself; agencies are few, and events name them by their id.
        # A page that needs no view is shown in a home that has none.
        try:
            with self.house.reading(at.as_of) as connection:
                return {row.agency: row.name for row in connection.execute(_NAMES) if row.name}
        except UnavailableFault:
            return {}

    def fault_page(self, found: Problem, here: str) -> HTMLResponse:
        """A friendly page for a fault, with its HTTP status. Reads nothing, so that it works when reading does not."""
        figures = {
            "title": _TITLES.get(found.http_status, found.title),
            "detail": _sentence(found.detail),
            "hint": found.hint,
            "code": found.code,
        }
        frame = {
            "links": Links(),
            "zone": self.house.zone,
            "here": here,
            "now_address": here,
            "picker": None,
            "nav": "",
            "head": 0,
            "past": False,
            "names": {},
        }
        text = self._templates.render("fault.html", {**frame, **figures})
        return HTMLResponse(text, status_code=found.http_status, headers={"cache-control": "no-store"})


_NAMES = select(TABLES["agencies"].c.agency, TABLES["agencies"].c.name)
_TITLES = {
    401: "Please say who you are",
    403: "This is not open to you",
    404: "There is nothing at this address",
    500: "Something went wrong here",
    503: "Not just now",
}


def routes(house: House, settings: Settings) -> APIRouter:
    """The pages' router, for the app to include. ``settings`` are the house's."""
    pages = Pages(house)

    class PageRoute(APIRoute):
        """A route whose faults are shown as pages to a browser; a program gets the same fault as problem+json."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle: Callable[[Request], Awaitable[Response]] = super().get_route_handler()

            readable = any(field.name == "as_of" for field in self.dependant.query_params)

            async def handled(request: Request) -> Response:
                try:
                    with noted(request, readable=readable):
                        return await handle(request)
                except Fault as told:
                    if "text/html" not in request.headers.get("accept", ""):
                        raise
                    return pages.fault_page(told.problem, request.url.path)

            return handled

    router = APIRouter(route_class=PageRoute, default_response_class=HTMLResponse, include_in_schema=False)
    _standing_routes(router, pages)
    _record_routes(router, pages)
    _reference_routes(router, pages)
    for section in SECTIONS:
        section.register(router, pages)

    class Elsewhere(PageRoute):
        """Whatever a browser asks for that is no page; the interface under /v1 answers for itself."""

        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith("/v1/"):
                return Match.NONE, {}
            return super().matches(scope)

    def nothing_here(path: str) -> Response:
        raise fault("not_found", f"this ledger has no page /{path[:200]}")

    router.add_api_route("/{path:path}", nothing_here, methods=["GET"], route_class_override=Elsewhere)
    return router


def _standing_routes(router: APIRouter, pages: Pages) -> None:
    house = pages.house

    @router.get("/")
    def scorecard(period: str = "latest", as_of: str = "", status: str = "") -> Response:
        reading = asked(house, as_of)
        figures = standing.scorecard_figures(house, pages.cards, reading, period or "latest", status)
        return pages.page("scorecard", figures, here="/", nav="/", reading=reading)

    @router.get("/kpi/{kpi}")
    def kpi_page(kpi: str, as_of: str = "") -> Response:
        reading = asked(house, as_of)
        figures = standing.kpi_figures(house, pages.cards, reading, kpi)
        return pages.page("kpi", figures, here=Links().kpi(kpi), nav="/", reading=reading)

    @router.get("/cell/{kpi}/{version}/{period}/{group:path}")
    def cell_page(
        kpi: str, version: str, period: str, group: str, as_of: str = "", offset: str = "", again: str = ""
    ) -> Response:
        reading = asked(house, as_of)
        number = _whole(version, f"{version!r} is not a version of a KPI")
        place = page_start(offset)
        figures = standing.cell_figures(house, reading, kpi, number, period, group, place, again=again == "yes")
        here = Links().cell_of(kpi, number, period, group)
        return pages.page("cell", figures, here=here, nav="/", reading=reading)

    @router.get("/agencies")
    def agencies_page(as_of: str = "") -> Response:
        reading = asked(house, as_of)
        figures = agencies.agencies_figures(house, reading)
        return pages.page("agencies", figures, here="/agencies", nav="/agencies", reading=reading)

    @router.get("/agency/{name:path}")
    def agency_page(name: str, as_of: str = "") -> Response:
        reading = asked(house, as_of)
        figures = agencies.agency_figures(house, pages.cards, reading, name)
        return pages.page("agency", figures, here=Links().agency(name), nav="/agencies", reading=reading)


def _record_routes(router: APIRouter, pages: Pages) -> None:
    house = pages.house

    @router.get("/events/{log_index}")
    def event_page(log_index: str, as_of: str = "") -> Response:
        reading = asked(house, as_of)
        number = _whole(log_index, f"{log_index!r} is not the number of an event")
        figures = record.event_figures(house, reading, number)
        return pages.page("event", figures, here=Links().event(number), reading=reading)

    @router.get("/subjects/{prefix}/{name:path}")
    def subject_page(prefix: str, name: str, as_of: str = "") -> Response:
        reading = asked(house, as_of)
        subject = f"{prefix}/{name}"
        figures = record.subject_figures(house, reading, subject)
        return pages.page("subject", figures, here=Links().subject(subject), reading=reading)

    @router.get("/rejections")
    def rejections_page(request: Request, agency: str = "", before: str = "") -> Response:
        reading = asked(house, "")
        who = principal_of(request)
        if who.role == "reader":
            raise fault("not_allowed", "rejections are for the agency that sent them and for operators")
        if who.agency is not None:
            agency = who.agency
        figures = record.rejection_figures(house, reading, agency, page_start(before))
        return pages.page("rejections", figures, here="/rejections", nav="/rejections", reading=reading)

    @router.get("/quarantine")
    def quarantine_page(request: Request) -> Response:
        operator_of(request)
        figures = record.quarantine_figures(house)
        return pages.page("quarantine", figures, here="/quarantine", nav="/quarantine")


def _reference_routes(router: APIRouter, pages: Pages) -> None:
    house = pages.house

    @router.get("/docs")
    def docs_page() -> Response:
        return pages.page("docs", {}, here="/docs")

    @router.get("/docs/errors")
    def errors_page() -> Response:
        return pages.page("errors", reference.error_figures(), here="/docs/errors")

    @router.get("/docs/kpis")
    def kpis_page(as_of: str = "") -> Response:
        reading = asked(house, as_of)
        figures = reference.kpi_list_figures(pages.cards, reading)
        return pages.page("kpis", figures, here="/docs/kpis", nav="/docs/kpis", reading=reading)

    @router.get("/static/{name}")
    def static_file(name: str, v: str = "") -> Response:
        if name not in STATIC:
            raise fault("not_found", f"there is no file {name!r}")
        body, content_type = STATIC[name]
        return Response(body, media_type=content_type, headers={"cache-control": _FOREVER if v else "no-cache"})


def _whole(text: str, otherwise: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise fault("not_found", otherwise)
    return int(text)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
