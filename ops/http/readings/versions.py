"""KPI versions as JSON and CSV: two versions of one KPI over the same period.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ops.composition import House
from ops.http.listing import Listing
from ops.http.queries import PLACE_MAX, Whole
from ops.settings import Settings
from ops.versions import compared, pair

MOVED_COLUMNS = ("key", "subject", "from", "to", "what", "events")


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""

    @router.get("/kpis/{kpi}/compare", summary="Two versions of a KPI over one period, with the records that moved")
    def compare(
        request: Request,
        kpi: str,
        versions: Annotated[str, Query(max_length=20, description="The two versions, such as 1,2.")],
        period: Annotated[str, Query(description='2025-03, 2025-Q1, 2025 or "all".')] = "all",
        group: Annotated[str, Query(description='"all", agency:<name> and so on.')] = "all",
        move: Annotated[str | None, Query(max_length=200, description="Only the records of this kind of move.")] = None,
        as_of: Annotated[
            str | None, Query(description="A log_index or an RFC 3339 moment: read the ledger as it was known then.")
        ] = None,
        limit: Annotated[Whole, Query(ge=1, le=10_000, description="Records of one page.")] = settings.page_rows,
        offset: Annotated[Whole, Query(ge=0, le=PLACE_MAX, description="Records to pass over.")] = 0,
    ) -> Response:
        before, after = pair(versions)
        found = compared(
            house,
            kpi,
            before,
            after,
            period,
            group,
            as_of=house.as_of(as_of),
            move=move,
            limit=limit,
            offset=offset,
        ).to_json()
        rows = found.pop("rows")
        flat = [
            {
                **row,
                "from": _told(row["from"]),
                "to": _told(row["to"]),
                "events": [event["log_index"] for event in row["events"]],
            }
            for row in rows
        ]
        return Listing("rows", rows, MOVED_COLUMNS, found, csv_items=flat).response(request)


def _told(role: dict[str, object]) -> str:
    """A role in one field: ``excluded: disputed``."""
    return f"{role['role']}: {role['reason']}" if role["reason"] else str(role["role"])
