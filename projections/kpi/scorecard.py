"""The scorecard: plan, goals, objectives and the KPIs that measure them, at one moment.

A committee reads the whole plan at a glance, so every KPI is one line: the newest complete period's value
with its target, trend and standing. It is put together from a few indexed reads, whatever the size of the
ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import Return, Value
from projections.kpi.cells import Reading, chosen, unknown_kpi
from projections.kpi.conditions import reads_clock
from projections.kpi.definitions import Definition
from projections.kpi.measures import ALL_GROUPS, CellKey, Figures, parts_of
from projections.kpi.periods import ALL, current, grain_of, label, latest_complete, previous
from projections.kpi.populations import table_of
from projections.kpi.returns import WINDOW_OPEN
from projections.kpi.sentence import sentence
from projections.kpi.shapes import (
    AsOf,
    Cell,
    GoalSection,
    KpiLine,
    ObjectiveSection,
    PlanSection,
    Scorecard,
    TrendPoint,
)
from projections.kpi.sides import sides
from projections.kpi.status import newest

TREND_PERIODS = 13
"""A year and the same period of the year before."""


def scorecard(connection: Connection, as_of: AsOf, zone: str | None = None) -> Scorecard:
    """Every plan's tree and the KPIs in no plan, read at a moment."""
    reading = Reading(connection, as_of, zone)
    lines: dict[str, tuple[Definition, KpiLine]] = {}
    for standing in chosen(reading, None, None):
        if not standing.retired_by(as_of.moment_us):
            definition = judging(reading, standing)
            lines[definition.body.kpi] = (definition, line(reading, definition, every_period=False))
    plans = tuple(_plan(reading, row, lines) for row in _rows(connection, "plans") if row["adopted"])
    placed = {row.plan for row in plans}
    unplanned = tuple(found for definition, found in lines.values() if definition.plan not in placed)
    return Scorecard(as_of, plans, unplanned)


def kpi_line(
    connection: Connection, kpi: str, as_of: AsOf, version: int | None = None, zone: str | None = None
) -> KpiLine:
    """One KPI's line. Raises RejectedFault ``kpi_unknown``."""
    reading = Reading(connection, as_of, zone)
    found = chosen(reading, kpi, version)
    if not found:
        raise unknown_kpi(kpi, version)
    if version is None:
        return line(reading, judging(reading, found[0]), every_period=False)
    return line(reading, found[0])


def judging(reading: Reading, standing: Definition) -> Definition:
    """The version by which the latest complete period of a KPI is judged: a line shows no month by a definition
    that came after it."""
    moment = reading.as_of.moment_us
    complete = latest_complete(moment, reading.zone, standing.body.period.grain)
    return reading.definitions.of_period(standing.body.kpi, complete, moment, reading.zone) or standing


def line(reading: Reading, definition: Definition, *, every_period: bool = True) -> KpiLine:
    """A KPI's line on the scorecard; unless ``every_period``, showing one of those that its version judges.

    Its cell is the newest settled period with a value among the complete ones (the latest complete one where
    there is none); it is judged by the moment of reading, so a value that has grown too old is stale.
    """
    body = definition.body
    grain = body.period.grain
    moment = reading.as_of.moment_us
    complete = latest_complete(moment, reading.zone, grain)
    running = current(moment, reading.zone, grain)
    everyone = reading.figures(definition, group=ALL_GROUPS)
    shown = _shown(reading, definition, everyone, complete, every_period)
    groups = reading.figures(definition, [shown])
    valued = reading.valued(definition)

    def cell(period: str, group: str, figures: Figures | None, judged_now: bool = False) -> Cell:
        # Within one month a group that has a value has it where everyone has; only longer periods need its own.
        months = valued if group == ALL_GROUPS or grain == "month" else None
        return reading.cell(definition, period, group, figures, valued=months, current_line=judged_now)

    own = cell(shown, ALL_GROUPS, everyone.get((shown, ALL_GROUPS)), judged_now=True)
    by_agency = [
        cell(shown, group, figures, judged_now=True)
        for (_, group), figures in sorted(groups.items())
        if body.group_by and group.startswith(f"{body.group_by}:")
    ]
    parts = [
        cell(shown, group, groups[shown, group], judged_now=True)
        for group in parts_of(body)
        if (shown, group) in groups
    ]
    return KpiLine(
        definition=body,
        sentence=sentence(body),
        owner=definition.owner,
        cell=own,
        current=cell(running, ALL_GROUPS, everyone.get((running, ALL_GROUPS))),
        overall=cell(ALL, ALL_GROUPS, everyone.get((ALL, ALL_GROUPS))),
        trend=tuple(_trend(cell, everyone, definition, complete, shown)),
        by_agency=tuple(by_agency),
        parts=tuple(parts),
        problem=definition.problem.detail if definition.problem else "",
    )


def _shown(
    reading: Reading, definition: Definition, everyone: dict[CellKey, Figures], complete: str, every_period: bool
) -> str:
    """The newest settled period with a value; of a reported indicator, at its own grain if there is one."""
    grain = definition.body.period.grain
    several = not every_period and len(reading.definitions.versions(definition.body.kpi)) > 1

    def judged(period: str) -> bool:
        moment = reading.as_of.moment_us
        found = reading.definitions.of_period(definition.body.kpi, period, moment, reading.zone) if several else None
        return found is None or found.key == definition.key

    valued = [
        period
        for (period, _), figures in everyone.items()
        if figures.value is not None and period != ALL and newest([period], ALL) is not None and judged(period)
    ]
    own = [period for period in valued if grain_of(period) == grain and period <= complete]
    # A period some of whose rows are still waiting for their window to pass is not settled: its value rests on the few
    # that are through, so the newest settled one stands on the scorecard while there is any.
    settled = [period for period in own if not _waiting(definition, everyone[period, ALL_GROUPS])]
    if own:
        return max(settled or own)
    if isinstance(definition.body.measure, Value):
        return newest(valued, ALL) or complete
    return complete


def _waiting(definition: Definition, figures: Figures) -> bool:
    """Whether rows are left out only because a moment they wait for has not passed yet."""
    body = definition.body
    if body.timing is not None:
        return False  # what stood at the end of a period stood then, whatever the moment of reading
    clocked = {one.reason for side in sides(body) for one in side.definition.exclude if reads_clock(one.when)}
    if isinstance(body.measure, Return):
        clocked.add(WINDOW_OPEN)
    return any(figures.excluded.get(reason) for reason in clocked)


def _trend(
    cell: Any, everyone: dict[CellKey, Figures], definition: Definition, complete: str, shown: str
) -> Iterable[TrendPoint]:
    """The last periods up to the latest complete one; up to the newest value where that lies further
    back."""
    end = complete if shown in previous(complete, TREND_PERIODS) else shown
    for period in previous(end, TREND_PERIODS):
        point = cell(period, ALL_GROUPS, everyone.get((period, ALL_GROUPS)))
        yield TrendPoint(period, label(period), point.value, point.target, point.status, True)


def _rows(connection: Connection, name: str) -> list[dict[str, Any]]:
    table = table_of(name)
    key = next(iter(table.primary_key.columns))
    return [dict(row) for row in connection.execute(select(table).order_by(key)).mappings()]


def _plan(reading: Reading, row: dict[str, Any], lines: dict[str, tuple[Definition, KpiLine]]) -> PlanSection:
    plan = row["plan"]
    goals = [goal for goal in _rows(reading.connection, "goals") if goal["plan"] == plan]
    objectives = [one for one in _rows(reading.connection, "objectives") if one["plan"] == plan]
    mine = [(definition, found) for definition, found in lines.values() if definition.plan == plan]

    def lines_of(objective: str) -> tuple[KpiLine, ...]:
        return tuple(found for definition, found in mine if definition.objective == objective)

    def sections(goal: str) -> tuple[ObjectiveSection, ...]:
        return tuple(
            ObjectiveSection(
                one["objective"],
                one["statement"] or "",
                tuple(orjson.loads(one["owners"] or "[]")),
                tuple(orjson.loads(one["contributors"] or "[]")),
                lines_of(one["objective"]),
            )
            for one in sorted(objectives, key=lambda one: (_position(one), one["objective"]))
            if one["goal"] == goal
        )

    tree = tuple(
        GoalSection(goal["goal"], goal["statement"] or "", sections(goal["goal"]))
        for goal in sorted(goals, key=lambda goal: (_position(goal), goal["goal"]))
    )
    under = {section.objective for goal in tree for section in goal.objectives}
    loose = tuple(found for definition, found in mine if definition.objective not in under)
    return PlanSection(plan, row["title"] or "", row["version"], row["adopted_at"], tree, loose)


def _position(row: dict[str, Any]) -> int:
    """Its place in the plan; what has none comes last, in the order of ids."""
    place = row.get("position")
    return 1_000_000 if place is None else int(place)
