"""Feeds as JSON and CSV: which reports are expected from whom, and who is silent.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.faults import fault
from ops.composition import House
from ops.http.listing import Listing
from ops.http.queries import AsOfQuery
from ops.settings import Settings

FEED_COLUMNS = ("agency", "feed", "status", "cadence", "grace_days", "due", "received", "on_time", "missing", "kpis")
REPORT_COLUMNS = ("period", "due", "received", "on_time")
DELAY_COLUMNS = ("agency", "counts", "total", "within_three_days")


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""
    from projections import feeds as reports

    @router.get("/feeds", summary="Which reports are expected from whom, the silent ones first")
    def feeds(
        request: Request, agency: Annotated[str, Query(max_length=200)] = "", as_of: AsOfQuery = None
    ) -> Response:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            found = reports.feed_states(connection, moment.moment_us, house.zone, agency=agency)
        items = [one.to_json() for one in found]
        return Listing("feeds", items, FEED_COLUMNS, {"as_of": moment.to_json()}).response(request)

    @router.get("/feeds/{agency}/{feed}", summary="Every report expected of one feed, the latest first")
    def one_feed(request: Request, agency: str, feed: str, as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            found = reports.reports_of(connection, moment.moment_us, house.zone, agency, feed)
        if not found:
            raise fault("not_found", f"no report {feed!r} is expected from {agency!r}")
        extra = {"as_of": moment.to_json(), "agency": agency, "feed": feed}
        return Listing("reports", [one.to_json() for one in found], REPORT_COLUMNS, extra).response(request)

    @router.get("/delays", summary="How long after it happened each agency reported")
    def delays(request: Request, as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            items = [one.to_json() for one in reports.delays(connection)]
        return Listing("delays", items, DELAY_COLUMNS, {"as_of": moment.to_json()}).response(request)
