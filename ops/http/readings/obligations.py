"""Obligations as JSON and CSV: what is owed by whom to whom, by when, and what became of it.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ops.composition import House
from ops.http.listing import Listing
from ops.http.queries import PLACE_MAX, AsOfQuery, Whole
from ops.settings import Settings

OBLIGATION_COLUMNS = (
    "kind",
    "key",
    "state",
    "debtor",
    "creditor",
    "what",
    "subject",
    "since",
    "due",
    "met",
    "fulfilled",
    "remarks",
)
MATRIX_COLUMNS = ("debtor", "creditor", "overdue", "disputed", "open", "late", "met", "waived", "total")


KindQuery = Annotated[
    Literal["referral", "commitment", "report", "action", "review", "finding"] | None,
    Query(description="One kind of obligation."),
]
StateQuery = Annotated[
    Literal["overdue", "disputed", "open", "late", "met", "waived"] | None, Query(description="One state.")
]
AgeQuery = Annotated[Literal["0-7", "8-30", "31-90", "90+"] | None, Query(description="Days overdue.")]
Who = Annotated[str, Query(max_length=200, description="An agency's id.")]
Day = Annotated[str, Query(max_length=10, description="A day such as 2026-01-31.")]
SinceQuery = Annotated[
    str,
    Query(
        max_length=10,
        description="Settled ones that fell due before this day are left out; by default a year before.",
    ),
]


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""
    from projections.obligations import asking, survey

    @router.get("/obligations", summary="What is owed by a date, what needs attention first")
    def obligations(
        request: Request,
        kind: KindQuery = None,
        state: StateQuery = None,
        age: AgeQuery = None,
        debtor: Who = "",
        creditor: Who = "",
        agency: Who = "",
        since: SinceQuery = "",
        due_from: Day = "",
        due_until: Day = "",
        after: Annotated[Whole, Query(ge=0, le=PLACE_MAX, description="Start behind this place in the list.")] = 0,
        limit: Annotated[Whole, Query(ge=1, le=10_000, description="Rows of one page.")] = settings.page_rows,
        as_of: AsOfQuery = None,
    ) -> Response:
        moment = house.as_of(as_of)
        asked = asking(
            moment.moment_us,
            house.zone,
            kind=kind or "",
            state=state or "",
            age=age or "",
            debtor=debtor,
            creditor=creditor,
            agency=agency,
            since=since,
            due_from=due_from,
            due_until=due_until,
        )
        with house.reading(moment) as connection:
            found = survey(connection, moment.moment_us, house.zone, asked, offset=after, limit=limit)
        items = [one.to_json() for one in found.listed]
        following = after + limit if found.total > after + limit else None
        extra = {"as_of": moment.to_json(), **found.to_json()}
        return Listing("obligations", items, OBLIGATION_COLUMNS, extra, next_after=following).response(request)

    @router.get("/obligations/matrix", summary="Who owes whom: counts by state")
    def matrix(
        request: Request, kind: KindQuery = None, agency: Who = "", since: SinceQuery = "", as_of: AsOfQuery = None
    ) -> Response:
        moment = house.as_of(as_of)
        asked = asking(moment.moment_us, house.zone, kind=kind or "", agency=agency, since=since)
        with house.reading(moment) as connection:
            found = survey(connection, moment.moment_us, house.zone, asked, limit=0)
        extra = {"as_of": moment.to_json(), **found.to_json()}
        return Listing("matrix", found.matrix(), MATRIX_COLUMNS, extra).response(request)
