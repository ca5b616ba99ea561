"""Reconciliation as JSON and CSV: both halves of every shared fact, side by side.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ops.composition import House
from ops.http.listing import Listing
from ops.http.queries import PLACE_MAX, AsOfQuery, Whole
from ops.settings import Settings

LINE_COLUMNS = (
    "fact",
    "claimer",
    "other",
    "claimed",
    "confirmed",
    "disputed",
    "pending",
    "pending_past_grace",
    "unmatched",
    "unit",
    "quantity_claimed",
    "quantity_confirmed",
    "quantity_disputed",
    "quantity_pending",
)


PeriodQuery = Annotated[
    str, Query(max_length=20, description="Only what happened in this month, quarter or year; all time if left out.")
]
FactQuery = Annotated[
    str, Query(max_length=100, description="One shared fact: referral, service, training, funding or commitment.")
]
StateQuery = Annotated[
    str, Query(max_length=100, description="confirmed, disputed, pending, past_grace (of the pending) or unmatched.")
]


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""
    page = min(settings.page_rows, 1_000)

    @router.get("/reconciliation", summary="Both halves of every shared fact, by who claims what of whom")
    def reconciliation(request: Request, period: PeriodQuery = "", as_of: AsOfQuery = None) -> Response:
        from ops.both_halves import sums

        found = sums(house, house.as_of(as_of), period).to_json()
        lines = found.pop("lines")
        return Listing("lines", lines, LINE_COLUMNS, found).response(request)

    @router.get(
        "/reconciliation/{one}/{other}",
        summary="The facts two agencies share, item by item, with the event and digest of each half",
    )
    def walked(
        request: Request,
        one: str,
        other: str,
        fact: FactQuery = "",
        state: StateQuery = "",
        period: PeriodQuery = "",
        as_of: AsOfQuery = None,
        limit: Annotated[Whole, Query(ge=1, le=1_000, description="Items of one page.")] = page,
        after: Annotated[Whole, Query(ge=0, le=PLACE_MAX, description="Items to pass over.")] = 0,
    ) -> Response:
        from ops.both_halves import walked as walk_of
        from projections.halves.walk import ITEM_COLUMNS

        found = walk_of(
            house, house.as_of(as_of), one, other, fact=fact, state=state, period=period, limit=limit, offset=after
        )
        told: dict[str, Any] = found.to_json()
        items = told.pop("items")
        following = after + limit if after + limit < found.total else None
        return Listing(
            "items", items, ITEM_COLUMNS, told, csv_items=[item.flat() for item in found.items], next_after=following
        ).response(request)
