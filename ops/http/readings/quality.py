"""Data quality as JSON and CSV: how correct, complete, consistent and timely each agency's reports are.

Here so that a program reads the same lists as the page of that name.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from ops.composition import House
from ops.http.listing import Listing
from ops.http.queries import AsOfQuery
from ops.settings import Settings

SCORE_COLUMNS = ("agency", "dimension", "checked", "held", "share")
RULE_COLUMNS = ("rule", "dimension", "agency", "checked", "broken", "examples", "sentence")
OUTLIER_COLUMNS = ("kpi", "version", "period", "group", "value", "n", "z", "modified_z")
AgencyQuery = Annotated[str, Query(max_length=200, description="One agency.")]


def register(router: APIRouter, house: House, settings: Settings) -> None:
    """Add this section's routes to ``router``, which stands under ``/v1``."""
    from ops.quality import quality

    @router.get("/quality", summary="Scores by agency and dimension, with the rules behind them")
    def scores(request: Request, agency: AgencyQuery = "", as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        told = quality(house, moment, agency=agency).to_json()
        return Listing("scores", told.pop("scores"), SCORE_COLUMNS, {"as_of": moment.to_json(), **told}).response(
            request
        )

    @router.get("/quality/rules", summary="Every rule by agency: how many records it was about, how many broke it")
    def rules(request: Request, agency: AgencyQuery = "", as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        items = [one.to_json() for one in quality(house, moment, agency=agency).lines]
        return Listing("rules", items, RULE_COLUMNS, {"as_of": moment.to_json()}).response(request)

    @router.get("/quality/outliers", summary="Values that stand out from their own history")
    def outlying(request: Request, as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        items = [one.to_json() for one in quality(house, moment).outliers]
        return Listing("outliers", items, OUTLIER_COLUMNS, {"as_of": moment.to_json()}).response(request)
