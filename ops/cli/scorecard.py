"""``tallystick scorecard``: how the partnership stands against its plan.

The same tree as the page, for people who live in a terminal and for programs that read JSON or CSV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.completeness import complete
from ops.delivery import CELL_COLUMNS, rows_of

if TYPE_CHECKING:
    from ops.completeness import Complete
    from projections.kpi.shapes import KpiLine, Scorecard

_COLUMNS = ("plan", "goal", "objective", "title", "owner", *CELL_COLUMNS)


def register(app: typer.Typer) -> None:
    app.command("scorecard")(scorecard)


def scorecard(home: Home = None, as_of: AsOfText = None, how: Format = OutputFormat.TABLE) -> None:
    """Show plan, goals, objectives and KPIs with value, target and status."""
    with reading(home) as house:
        moment = house.as_of(as_of)
        whole = complete(house, moment)
        found = house.scorecard(moment)
        if how is OutputFormat.TABLE:
            show(_for_people(found, whole), how)
        else:
            rows = list_rows(found)
            show(Result(found.to_json(), _COLUMNS, rows_of(rows, _COLUMNS)), how)


def list_rows(card: Scorecard) -> list[dict[str, Any]]:
    """One row a KPI line, with where it stands in the plan."""
    return [
        {
            **line.cell.to_json(),
            "plan": plan,
            "goal": goal,
            "objective": objective,
            "title": line.definition.title,
            "owner": line.owner,
        }
        for plan, goal, objective, line in placed_lines(card)
    ]


def placed_lines(card: Scorecard) -> list[tuple[str | None, str | None, str | None, KpiLine]]:
    """Every line with its plan, goal and objective (None where it stands outside), in reading order."""
    found: list[tuple[str | None, str | None, str | None, KpiLine]] = []
    for plan in card.plans:
        for goal in plan.goals:
            for objective in goal.objectives:
                found += [(plan.plan, goal.goal, objective.objective, line) for line in objective.lines]
        found += [(plan.plan, None, None, line) for line in plan.loose]
    return found + [(None, None, None, line) for line in card.unplanned]


def _for_people(card: Scorecard, whole: Complete) -> Result:
    statements = {
        objective.objective: objective.statement
        for plan in card.plans
        for goal in plan.goals
        for objective in goal.objectives
    }
    rows = []
    for _, _, objective, line in placed_lines(card):
        cell = line.cell.to_json()
        rows.append(
            [
                statements.get(objective or "", "outside the plan"),
                f"{cell['kpi']} {line.definition.title}",
                cell["period"],
                cell["value"],
                cell["unit"],
                cell["target"],
                cell["status"],
                line.owner,
            ]
        )
    columns = ("objective", "KPI", "period", "value", "unit", "target", "status", "owner")
    return Result(None, columns, rows, notes=[f"As of {card.as_of.to_json()['moment']}, {whole.sentence()}."])
