"""Reviews as JSON and CSV: what was known at a review, and what has been restated since.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.faults import fault
from ops.composition import House
from ops.http.listing import Listing
from ops.http.queries import AsOfQuery
from ops.reviewing import Reviews, reviews_of
from ops.settings import Settings

if TYPE_CHECKING:
    from projections.reviews import Held, Restatement

REVIEW_COLUMNS = (
    "review",
    "plan",
    "due",
    "held_at",
    "as_of",
    "moment",
    "cells",
    "cells_sha256",
    "matches",
    "restatements",
)
FROZEN_COLUMNS = (
    "kpi",
    "version",
    "period",
    "group",
    "value",
    "unit",
    "numerator",
    "denominator",
    "target",
    "status",
    "owner",
    "excluded",
    "also",
)
RESTATEMENT_COLUMNS = (
    "review",
    "kpi",
    "version",
    "period",
    "group",
    "unit",
    "old_value",
    "new_value",
    "old_numerator",
    "new_numerator",
    "old_denominator",
    "new_denominator",
    "late",
    "log_indexes",
)
Id = Annotated[str | None, Query(max_length=200)]


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""

    # Asked for anew by each request: routes touch the house only when they are called.
    def desk() -> Reviews:
        return reviews_of(house)

    @router.get("/reviews", summary="The reviews: due, held, of what digest, and how many numbers were restated")
    def reviews(request: Request, as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        items = [desk().line(held, moment) for held in desk().every(moment)]
        return Listing("reviews", items, REVIEW_COLUMNS, {"as_of": moment.to_json()}).response(request)

    @router.get("/reviews/{review}", summary="One review: the cells it froze, and every number that is another now")
    def review(request: Request, review: str, as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        held = desk().one(review, moment)
        if not held.held:
            return Listing("cells", [], FROZEN_COLUMNS, {"as_of": moment.to_json(), **held.to_json()}).response(request)
        opened = desk().open(held, moment)
        extra = {"read_as_of": moment.to_json(), **opened.to_json()}
        del extra["cells"]  # how many the review states stands beside them under a name of its own
        extra["stated_cells"] = held.cells
        return Listing("cells", list(opened.snapshot.cells.values()), FROZEN_COLUMNS, extra).response(request)

    @router.get("/restatements", summary="Numbers published at a review that are others now, with who is responsible")
    def restatements(
        request: Request,
        review: Id = None,
        kpi: Id = None,
        period: Id = None,
        group: Id = None,
        as_of: AsOfQuery = None,
    ) -> Response:
        moment = house.as_of(as_of)
        if review is None:
            chosen = [held for held in desk().every(moment) if held.held]
        else:
            chosen = [_held(desk().one(review, moment))]
        found = [
            (held, one) for held in chosen for one in desk().restated(held, moment, kpi=kpi, period=period, group=group)
        ]
        items = [{"review": held.review, **one.to_json()} for held, one in found]
        flat = [_flat(held, one) for held, one in found]
        extra = {"as_of": moment.to_json()}
        return Listing("restatements", items, RESTATEMENT_COLUMNS, extra, csv_items=flat).response(request)


def _held(held: Held) -> Held:
    if not held.held:
        raise fault("not_found", f"the review {held.review!r} has not been held")
    return held


def _flat(held: Held, one: Restatement) -> dict[str, Any]:
    kpi, version, period, group = one.name
    flat: dict[str, Any] = {"review": held.review, "kpi": kpi, "version": version, "period": period, "group": group}
    flat |= {f"old_{name}": one.old[name] for name in ("value", "numerator", "denominator")}
    flat |= {f"new_{name}": one.new[name] for name in ("value", "numerator", "denominator")}
    indexes = [responsible.event.log_index for responsible in one.events]
    return flat | {"unit": one.unit, "late": one.late_reporters(), "log_indexes": indexes}
