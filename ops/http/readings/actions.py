"""Actions as JSON and CSV: what was decided to be done, by whom and by when, with dissent and orphans.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ops.composition import House
from ops.http.listing import Listing
from ops.http.queries import AsOfQuery
from ops.settings import Settings

ACTION_COLUMNS = ("action", "state", "due", "owner", "plan", "what", "about", "opened", "closed", "evidence_ref")
DECISION_COLUMNS = ("decision", "plan", "meeting", "decided", "motion", "votes", "dissent", "quorum")
ORPHAN_COLUMNS = ("kind", "id", "plan", "title", "lacks")
Named = Annotated[str, Query(max_length=200)]


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""
    from projections import followup

    @router.get("/actions", summary="Who is to do what by when, what needs attention first")
    def actions(
        request: Request,
        plan: Named = "",
        owner: Named = "",
        state: Annotated[Literal["overdue", "open", "late", "met"] | None, Query(description="One state.")] = None,
        about: Annotated[str, Query(max_length=300, description="A KPI, obligation, restatement or decision.")] = "",
        as_of: AsOfQuery = None,
    ) -> Response:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            found = followup.actions(
                connection, moment.moment_us, plan=plan, owner=owner, state=state or "", about=about
            )
        extra = {"as_of": moment.to_json(), "follow_through": followup.follow_through(found).to_json()}
        return Listing("actions", [one.to_json() for one in found], ACTION_COLUMNS, extra).response(request)

    @router.get("/decisions", summary="What the committee decided, with votes and dissent")
    def decisions(request: Request, plan: Named = "", as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            found = followup.decisions(connection, moment.moment_us, plan=plan)
        extra = {"as_of": moment.to_json()}
        return Listing("decisions", [one.to_json() for one in found], DECISION_COLUMNS, extra).response(request)

    @router.get("/orphans", summary="What has no owner, no measure or no source")
    def orphans(request: Request, as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            found = followup.orphans(connection, moment.moment_us, house.zone)
        extra = {"as_of": moment.to_json()}
        return Listing("orphans", [one.to_json() for one in found], ORPHAN_COLUMNS, extra).response(request)
