"""The reading API: everything a page shows, as JSON and CSV.

Routes are plain functions run on a thread each, since they read SQLite; ``as_of`` means the same on all of
them.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.faults import fault
from contracts.moments import format_us
from ops.completeness import complete
from ops.composition import House
from ops.delivery import (
    CELL_COLUMNS,
    CONTRACT_COLUMNS,
    EVENT_COLUMNS,
    QUARANTINE_COLUMNS,
    REJECTION_COLUMNS,
    contract_rows,
    event_json,
    rejection_json,
)
from ops.http.auth import Principal
from ops.http.event_search import find_events
from ops.http.listing import Listing, one_thing
from ops.http.queries import WHOLE_MAX, AfterQuery, AsOfQuery, LimitQuery, Whole
from ops.http.readings import actions, feeds, obligations, quality, reconciliation, reviews, versions
from ops.settings import Settings
from ops.versions import cells_on

PRINCIPAL_KEY = "tallystick.principal"


def principal_of(request: Request) -> Principal:
    """Who the gate admitted."""
    found = request.scope[PRINCIPAL_KEY]
    assert isinstance(found, Principal)
    return found


def operator_of(request: Request) -> Principal:
    """Who the gate admitted, where only operators may go. Raises the fault ``not_allowed``."""
    found = principal_of(request)
    if not found.may_operate:
        raise fault("not_allowed", f"{request.url.path} is for operators")
    return found


def reading_routes(house: House, settings: Settings) -> APIRouter:
    """Every GET under ``/v1``."""
    router = APIRouter(prefix="/v1", tags=["reading"])
    page = settings.page_rows

    @router.get("/head", summary="The end of the log and how far the views are")
    def head(request: Request) -> Response:
        standing = house.standing()
        end = standing.head
        return one_thing(
            request,
            {
                "log_index": end.log_index,
                "recorded_at": format_us(end.recorded_at_us) if end.log_index else None,
                "root": end.root.hex(),
                "position": standing.position,
                "lag_events": standing.lag_events,
                "lag_seconds": standing.lag_seconds,
                "quarantined": standing.quarantined,
                "totals": house.ledger.totals(),
            },
        )

    @router.get("/scorecard", summary="Plan, goals, objectives and KPIs with value, target and status")
    def scorecard(request: Request, as_of: AsOfQuery = None) -> Response:
        moment = house.as_of(as_of)
        whole = complete(house, moment)
        found = house.scorecard(moment).to_json()
        extra = {name: value for name, value in found.items() if name != "cells"} | whole.to_json()
        return Listing("cells", found["cells"], CELL_COLUMNS, extra).response(request)

    @router.get("/kpis", summary="The KPI definitions")
    def kpis(request: Request, as_of: AsOfQuery = None) -> Response:
        items = house.definition_rows(house.as_of(as_of))
        return Listing("kpis", items, ("kpi", "version", "title", "unit", "owner", "sentence")).response(request)

    @router.get("/kpis/{kpi}", summary="One KPI: its definitions, its cells, what changed and what is disputed")
    def kpi_cells(
        request: Request,
        kpi: str,
        period: str | None = None,
        group: str | None = None,
        version: Whole | None = None,
        basis: Annotated[
            str, Query(description="claimed, or confirmed: over what the other agency has confirmed.")
        ] = "claimed",
        as_of: AsOfQuery = None,
    ) -> Response:
        moment = house.as_of(as_of)
        found = cells_on(house, basis, kpi=kpi, period=period, group=group, version=version, as_of=moment)
        cells = [cell.to_json() for cell in found]
        extra: dict[str, Any] = {
            "as_of": moment.to_json(),
            "kpi": kpi,
            "basis": basis,
            "definitions": [row for row in house.definition_rows(moment) if row["kpi"] == kpi],
            **house.kpi_history(kpi, moment).to_json(),
        }
        return Listing("cells", cells, CELL_COLUMNS, extra).response(request)

    @router.get("/cells", summary="Cells: KPI version by period by group")
    def cells(
        request: Request,
        kpi: str | None = None,
        period: str | None = None,
        group: str | None = None,
        as_of: AsOfQuery = None,
    ) -> Response:
        moment = house.as_of(as_of)
        found = [cell.to_json() for cell in house.cells(kpi=kpi, period=period, group=group, as_of=moment)]
        return Listing("cells", found, CELL_COLUMNS, {"as_of": moment.to_json()}).response(request)

    @router.get(
        "/cells/{kpi}/{version}/{period}/{group:path}",
        summary="A cell, the events behind it, and its value computed again from exactly those",
    )
    def explanation(
        request: Request,
        kpi: str,
        version: Whole,
        period: str,
        group: str,
        as_of: AsOfQuery = None,
        limit: LimitQuery = 1_000,
        offset: Annotated[Whole, Query(ge=0, le=WHOLE_MAX, description="Events and rows to pass over.")] = 0,
        recompute: Annotated[
            bool | None,
            Query(description="Compute the value again from the events. If left out, with the first page only."),
        ] = None,
    ) -> Response:
        moment = house.as_of(as_of)
        found = house.explain(
            kpi,
            period,
            group,
            as_of=moment,
            version=version,
            limit=limit,
            offset=offset,
            recompute=not offset if recompute is None else recompute,
        ).to_json()
        extra = {name: value for name, value in found.items() if name != "events"}
        extra |= house.kpi_history(kpi, moment).to_json()
        return Listing("events", found["events"], EVENT_COLUMNS, extra).response(request)

    @router.get("/events", summary="Recorded events in the order of the log")
    def events(
        request: Request,
        after: AfterQuery = 0,
        limit: LimitQuery = page,
        subject: str | None = None,
        type: str | None = None,
        agency: str | None = None,
        as_of: AsOfQuery = None,
    ) -> Response:
        upto = house.as_of(as_of).log_index
        if upto is None:
            upto = house.reader.head().log_index
        found = find_events(house, after=after, limit=limit, upto=upto, subject=subject, type_=type, agency=agency)
        more = found[-1].log_index if len(found) == limit and found[-1].log_index < upto else None
        items = [event_json(event) for event in found]
        return Listing("events", items, (*EVENT_COLUMNS, "source", "id", "data"), next_after=more).response(request)

    @router.get("/events/{log_index}", summary="One recorded event")
    def event(request: Request, log_index: Whole, as_of: AsOfQuery = None) -> Response:
        upto = house.as_of(as_of).log_index
        found = house.reader.at([log_index]) if 0 < log_index <= (WHOLE_MAX if upto is None else upto) else []
        if not found:
            raise fault("not_found", f"there is no event {log_index}" + ("" if as_of is None else f" as of {as_of}"))
        return one_thing(request, {**event_json(found[0]), "body": found[0].body.decode("utf-8")})

    @router.get("/agencies", summary="The partner agencies")
    def agencies(request: Request, as_of: AsOfQuery = None) -> Response:
        items = house.agencies(house.as_of(as_of))
        return Listing("agencies", items, ("agency", "name", "sector", "joined_at", "withdrew_at")).response(request)

    @router.get("/rejections", summary="What broke its contract and was kept")
    def rejections(
        request: Request,
        after: AfterQuery = 0,
        limit: LimitQuery = page,
        agency: Annotated[str | None, Query(description="Only what this agency sent.")] = None,
    ) -> Response:
        who = principal_of(request)
        if who.role == "reader":
            raise fault("not_allowed", "rejections are for the agency that sent them and for operators")
        if who.agency is not None:
            if agency not in (None, who.agency):
                raise fault("not_allowed", f"rejections of {agency} are for {agency} and for operators")
            agency = who.agency
        found = house.rejections(limit, after, agency)
        items = [rejection_json(kept, with_raw=True) for kept in found]
        more = found[-1].number if len(found) == limit else None
        return Listing("rejections", items, REJECTION_COLUMNS, next_after=more).response(request)

    @router.get("/quarantine", summary="Recorded events that a view could not apply")
    def quarantine(
        request: Request,
        who: Annotated[Principal, Depends(operator_of)],
        after: AfterQuery = 0,
        limit: LimitQuery = page,
    ) -> Response:
        items = house.parked(after=after, limit=limit)
        more = items[-1]["log_index"] if len(items) == limit else None
        return Listing("quarantine", items, QUARANTINE_COLUMNS, next_after=more).response(request)

    @router.get("/contracts", summary="The event types that are taken")
    def contracts(request: Request) -> Response:
        return Listing("contracts", contract_rows(), CONTRACT_COLUMNS).response(request)

    @router.get("/contracts/{topic}", summary="The published JSON Schema of one event type")
    def contract(request: Request, topic: str) -> Response:
        from ops.cli.schemas import schema_of

        return one_thing(request, schema_of(topic))

    for section in (obligations, reconciliation, versions, reviews, actions, feeds, quality):
        section.register(router, house, settings)
    return router
