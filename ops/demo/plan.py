"""What the demonstration's steering committee decided: who joined, what was signed, the plan with its KPIs and
targets.

The decisions are chosen so that the scorecard shows every status there is: a KPI on track, one to watch, one off
track, one that nobody owns, one gone stale, one without data and one without a target.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

from ops.demo import cast
from ops.demo.cast import CRISIS, HOSPITAL, HOUSING, MINUTE_US, OPEN_DOOR, POLICE, SCHOOLS, SECRETARIAT
from ops.demo.goals import Goal, Measure, Objective, definition, goals
from ops.demo.pen import Pen

EXPECTED_FEEDS: Final = (
    (POLICE, "call", "weekly", 3),
    (POLICE, "response", "weekly", 3),
    (CRISIS, "encounter", "weekly", 7),
    (CRISIS, "response", "weekly", 7),
    (HOSPITAL, "referral", "monthly", 10),
    (HOUSING, "referral", "monthly", 15),
    (HOUSING, "service", "monthly", 15),
    (SCHOOLS, "service", "monthly", 15),
    (OPEN_DOOR, "referral", "quarterly", 30),
    (POLICE, "indicator", "quarterly", 45),
    (POLICE, "arrest", "monthly", 15),
    (POLICE, "staffing", "monthly", 20),
    (CRISIS, "staffing", "monthly", 20),
    (CRISIS, "consent", "monthly", 15),
    (CRISIS, "engagement", "quarterly", 30),
    (HOSPITAL, "capacity", "weekly", 7),
    (HOUSING, "enrollment", "monthly", 20),
    (HOUSING, "funding", "quarterly", 30),
)
"""(who, which family, how often, days of grace)."""


def moment_us(day: date, hour: float = 16.0) -> int:
    """UTC microseconds of an hour (UTC) on a day."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + hour * 3600) * 1_000_000)


class Minutes:
    """The committee's book of decisions: each is written a minute after the one before, in order."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._at_us = 0

    def on(self, day: date) -> None:
        """Open the page of a day."""
        self._at_us = moment_us(day)

    def write(self, type_name: str, subject: str, data: dict[str, Any]) -> None:
        """One decision or statement of the secretariat; it is in the ledger at once and never garbled."""
        self._at_us += MINUTE_US
        self._pen.tell(SECRETARIAT, type_name, subject, self._at_us, data, lag_us=0, careful=True)


def tell_plan(pen: Pen) -> None:
    """Everything the committee decided over the three years, but for the commitments."""
    minutes = Minutes(pen)
    minutes.on(date(2023, 1, 2))
    for voice in cast.AGENCIES:
        minutes.write(
            "agency.joined",
            f"agency/{voice.agency}",
            {
                "agency": voice.agency,
                "name": voice.name,
                "sector": voice.sector,
                "roles": list(voice.roles),
            },
        )
    everyone = [voice.agency for voice in cast.AGENCIES]
    minutes.on(date(2023, 1, 9))
    subject = f"plan/{cast.PLAN}"
    minutes.write(
        "plan.adopted",
        subject,
        {
            "plan": cast.PLAN,
            "version": 1,
            "title": "Larkmoor Crisis Care Partnership, plan 2023–2025",
            "period": {"from": "2023-01-01", "to": "2025-12-31"},
            "ratified_by": everyone,
        },
    )
    for position, goal in enumerate(goals(), start=1):
        minutes.write(
            "goal.set",
            subject,
            {
                "plan": cast.PLAN,
                "goal": goal.id,
                "statement": goal.statement,
                "position": position,
            },
        )
        for objective in goal.objectives:
            minutes.write("objective.set", subject, _objective(goal, objective))
            for measure in objective.measures:
                _define(minutes, subject, objective, measure)
    minutes.on(date(2023, 1, 16))
    for voice, feed, cadence, grace_days in EXPECTED_FEEDS:
        minutes.write(
            "report.expected",
            f"feed/{voice.agency}/{feed}",
            {
                "agency": voice.agency,
                "feed": feed,
                "cadence": cadence,
                "grace_days": grace_days,
                "since": "2023-02-01",
            },
        )
    minutes.on(date(2024, 10, 14))
    minutes.write(
        "definition.disputed",
        subject,
        {
            "plan": cast.PLAN,
            "kpi": "K03",
            "version": 1,
            "by": POLICE.agency,
            "reason": "A call that the caller cancelled should not count as unexplained.",
        },
    )
    minutes.on(date(2025, 1, 13))
    # A target that moves leaves a trace: the first one stays in the ledger beside this.
    minutes.write("target.set", subject, _target(Measure("K05", None, (30, 27, 25), 0, 4, 31.0)))
    # A definition that changes is a second version beside the first, from a day on.
    minutes.on(date(2025, 1, 20))
    minutes.write(
        "kpi.defined",
        subject,
        {
            "plan": cast.PLAN,
            "objective": "o3-1",
            "kpi": "K18",
            "version": 2,
            "definition": definition("K18", 2),
            "effective_from": "2025-01-01",
            "owner": HOUSING.agency,
        },
    )


def _objective(goal: Goal, objective: Objective) -> dict[str, Any]:
    return {
        "plan": cast.PLAN,
        "goal": goal.id,
        "objective": objective.id,
        "statement": objective.statement,
        "owners": list(objective.owners),
        "contributors": list(objective.contributors),
    }


def _define(minutes: Minutes, subject: str, objective: Objective, measure: Measure) -> None:
    data: dict[str, Any] = {
        "plan": cast.PLAN,
        "objective": objective.id,
        "kpi": measure.kpi,
        "version": 1,
        "definition": definition(measure.kpi),
        "effective_from": "2023-01-01",
    }
    if measure.owner is not None:
        data["owner"] = measure.owner
    minutes.write("kpi.defined", subject, data)
    if measure.targets is not None:
        minutes.write("target.set", subject, _target(measure))


def _target(measure: Measure) -> dict[str, Any]:
    years = zip(("2023", "2024", "2025"), measure.targets or (), strict=True)
    data: dict[str, Any] = {
        "plan": cast.PLAN,
        "kpi": measure.kpi,
        "targets": [{"period": year, "value": value} for year, value in years],
        "bands": {"on_track": measure.on_track, "watch": measure.watch},
    }
    if measure.baseline is not None:
        data["baseline"] = {"value": measure.baseline, "date": "2022-12-31", "source": "Baseline study 2022"}
    return data
