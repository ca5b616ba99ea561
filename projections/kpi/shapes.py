"""The forms in which KPI results are read: cells, the scorecard's tree, explanations, moments of reading.

They are here, apart from the code that fills them, so that pages, commands and interfaces can rely on the
shapes alone. Values are exact (``Decimal``) after rounding by the definition; ``to_json`` gives JSON
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from contracts.kpi import KpiDefinition
from contracts.recorded import Recorded
from projections.kpi.cell_shapes import STATUSES, AsOf, Cell, CellStatus, number


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One period of a KPI's trend; ``value`` is None where there was nothing to count."""

    period: str
    label: str
    value: Decimal | None
    target: Decimal | None
    status: CellStatus
    complete: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "period": self.period,
            "label": self.label,
            "value": number(self.value),
            "target": number(self.target),
            "status": self.status,
            "complete": self.complete,
        }


@dataclass(frozen=True, slots=True)
class KpiLine:
    """One KPI on the scorecard.

    ``cell`` is the latest complete period at the KPI's grain, ``current`` the running one, ``overall`` the
    period "all"; ``trend`` are up to 13 periods, oldest first; ``by_agency`` the cells of ``cell``'s period
    by group. ``problem`` says why a definition cannot be computed.
    """

    definition: KpiDefinition
    sentence: str
    owner: str | None
    cell: Cell
    current: Cell
    overall: Cell
    trend: tuple[TrendPoint, ...]
    by_agency: tuple[Cell, ...]
    parts: tuple[Cell, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "kpi": self.definition.kpi,
            "version": self.definition.version,
            "title": self.definition.title,
            "sentence": self.sentence,
            "owner": self.owner,
            "problem": self.problem,
            "cell": self.cell.to_json(),
            "current": self.current.to_json(),
            "overall": self.overall.to_json(),
            "trend": [point.to_json() for point in self.trend],
            "by_agency": [cell.to_json() for cell in self.by_agency],
            "parts": [cell.to_json() for cell in self.parts],
        }


@dataclass(frozen=True, slots=True)
class ObjectiveSection:
    """An objective of a goal with its owners and its KPIs."""

    objective: str
    statement: str
    owners: tuple[str, ...]
    contributors: tuple[str, ...]
    lines: tuple[KpiLine, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "objective": self.objective,
            "statement": self.statement,
            "owners": list(self.owners),
            "contributors": list(self.contributors),
            "kpis": [line.to_json() for line in self.lines],
        }


@dataclass(frozen=True, slots=True)
class GoalSection:
    """A goal of a plan with its objectives."""

    goal: str
    statement: str
    objectives: tuple[ObjectiveSection, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "goal": self.goal,
            "statement": self.statement,
            "objectives": [objective.to_json() for objective in self.objectives],
        }


@dataclass(frozen=True, slots=True)
class PlanSection:
    """A plan with its goals; ``loose`` are KPIs of the plan that stand under no objective."""

    plan: str
    title: str
    version: int | None
    adopted_at_us: int | None
    goals: tuple[GoalSection, ...]
    loose: tuple[KpiLine, ...] = ()

    def to_json(self) -> dict[str, Any]:
        from contracts.moments import format_us

        return {
            "plan": self.plan,
            "title": self.title,
            "version": self.version,
            "adopted_at": None if self.adopted_at_us is None else format_us(self.adopted_at_us),
            "goals": [goal.to_json() for goal in self.goals],
            "kpis": [line.to_json() for line in self.loose],
        }


@dataclass(frozen=True, slots=True)
class Scorecard:
    """How the partnership stands: every plan's tree, and the KPIs that stand in no plan."""

    as_of: AsOf
    plans: tuple[PlanSection, ...]
    unplanned: tuple[KpiLine, ...]

    def lines(self) -> list[KpiLine]:
        """Every line in reading order."""
        found: list[KpiLine] = []
        for plan in self.plans:
            for goal in plan.goals:
                for objective in goal.objectives:
                    found.extend(objective.lines)
            found.extend(plan.loose)
        found.extend(self.unplanned)
        return found

    def cells(self) -> list[Cell]:
        """Each line's cell of the latest complete period, in reading order, each once."""
        seen: dict[tuple[str, int], Cell] = {}
        for line in self.lines():
            seen.setdefault((line.definition.kpi, line.definition.version), line.cell)
        return list(seen.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of.to_json(),
            "cells": [cell.to_json() for cell in self.cells()],
            "plans": [plan.to_json() for plan in self.plans],
            "unplanned": [line.to_json() for line in self.unplanned],
        }


@dataclass(frozen=True, slots=True)
class CountedRow:
    """A row behind a cell: ``role`` is ``numerator``, ``denominator``, ``excluded`` or the split's part."""

    key: str
    subject: str
    role: str
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key, "subject": self.subject, "role": self.role, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class ExplainedEvent:
    """An event behind a cell; ``superseded_by`` names the identity that withdrew or replaced it, else "".

    A superseded event is listed so that a reader can see what was said before; it counted for nothing.
    """

    event: Recorded
    superseded_by: str = ""

    @property
    def live(self) -> bool:
        return not self.superseded_by

    def to_json(self) -> dict[str, Any]:
        from contracts.moments import format_us

        event = self.event
        return {
            "log_index": event.log_index,
            "type": event.type,
            "version": event.version,
            "subject": event.subject,
            "time": None if event.time_us is None else format_us(event.time_us),
            "recorded_at": format_us(event.recorded_at_us),
            "agency": event.agency,
            "source": event.source,
            "id": event.id,
            "superseded_by": self.superseded_by or None,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """A cell opened down to its events.

    ``recomputed`` is the cell computed anew from exactly the live events behind it by the reference
    evaluator, None where that was not asked for; ``agrees`` says whether every published figure of the two
    is the same. ``events`` and ``rows`` are one page (``limit``, ``offset``) of ``event_count`` and
    ``row_count``.
    """

    cell: Cell
    definition: KpiDefinition
    sentence: str
    as_of: AsOf
    events: tuple[ExplainedEvent, ...]
    event_count: int
    rows: tuple[CountedRow, ...]
    row_count: int
    recomputed: Cell | None
    limit: int
    offset: int

    @property
    def agrees(self) -> bool | None:
        return None if self.recomputed is None else figures(self.cell) == figures(self.recomputed)

    def to_json(self) -> dict[str, Any]:
        return {
            "as_of": self.as_of.to_json(),
            "cell": self.cell.to_json(),
            "recomputed": None if self.recomputed is None else number(self.recomputed.value),
            "recomputed_cell": None if self.recomputed is None else self.recomputed.to_json(),
            "agrees": self.agrees,
            "sentence": self.sentence,
            "event_count": self.event_count,
            "limit": self.limit,
            "offset": self.offset,
            "events": [event.to_json() for event in self.events],
            "row_count": self.row_count,
            "rows": [row.to_json() for row in self.rows],
        }


def figures(cell: Cell) -> tuple[Any, ...]:
    """Every published figure of a cell, apart from its standing: what law 5 compares."""
    return (
        cell.kpi,
        cell.version,
        cell.period,
        cell.group,
        cell.value,
        cell.numerator,
        cell.denominator,
        {reason: n for reason, n in cell.excluded.items() if n},
        cell.also,
        {name: n for name, n in cell.counts.items() if n},
    )


__all__ = [
    "STATUSES",
    "AsOf",
    "Cell",
    "CellStatus",
    "CountedRow",
    "ExplainedEvent",
    "Explanation",
    "GoalSection",
    "KpiLine",
    "ObjectiveSection",
    "PlanSection",
    "Scorecard",
    "TrendPoint",
    "figures",
    "number",
]
