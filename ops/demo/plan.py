"""What the demonstration's steering committee decided: who joined, what was signed, the plan with its KPIs and
targets.

The decisions are chosen so that the scorecard shows every status there is: a KPI on track, one to watch, one off
track, one that nobody owns, one gone stale, one without data and one without a target.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ops.demo import cast
from ops.demo.cast import CRISIS, HOSPITAL, HOUSING, MINUTE_US, OPEN_DOOR, POLICE, SCHOOLS, SECRETARIAT
from ops.demo.pen import Pen

UNMEASURED_KPI: Final = "L01"
"""A KPI of the plan's own that nobody has ever reported a value for."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A KPI in the plan: its owner (None: nobody), yearly targets 2023–2025 (None: no target), and tolerances."""

    kpi: str
    owner: str | None
    targets: tuple[float, float, float] | None
    on_track: float = 0
    watch: float = 0
    baseline: float | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective with the agencies answerable for it and the KPIs that measure it."""

    id: str
    statement: str
    owners: tuple[str, ...]
    contributors: tuple[str, ...]
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal and its objectives."""

    id: str
    statement: str
    objectives: tuple[Objective, ...]


GOALS: Final = (
    Goal(
        "g1",
        "A person in crisis is met by the right responder",
        (
            Objective(
                "o1-1",
                "Send a health-led team to every call that is eligible for one",
                (CRISIS.agency,),
                (POLICE.agency,),
                (
                    Measure("K01", CRISIS.agency, (60, 70, 80), 0, 6, 57.0),
                    Measure("K02", POLICE.agency, None),
                    Measure("K03", POLICE.agency, (30, 20, 10), 1, 4, 35.1),
                ),
            ),
            Objective(
                "o1-2",
                "Be there soon",
                (CRISIS.agency,),
                (POLICE.agency,),
                (Measure("K05", CRISIS.agency, (30, 27, 23), 0, 4, 31.0),),
            ),
        ),
    ),
    Goal(
        "g2",
        "A crisis ends in the community, not in an emergency room or a cell",
        (
            Objective(
                "o2-1",
                "Settle more encounters where they happen",
                (CRISIS.agency, HOSPITAL.agency),
                (),
                (
                    Measure("K06", CRISIS.agency, (73, 75, 77), 0, 3, 72.0),
                    Measure("K07", HOSPITAL.agency, (17, 16, 15), 0, 2, 18.0),
                    Measure("K08", CRISIS.agency, (3, 4, 5), 0, 2),
                ),
            ),
            Objective(
                "o2-2",
                "Keep arrest the last resort",
                (POLICE.agency,),
                (CRISIS.agency,),
                (Measure("K09", POLICE.agency, (2.2, 1.8, 1.2), 0.1, 0.6, 2.4),),
            ),
        ),
    ),
    Goal(
        "g3",
        "Asking for help leads to help",
        (
            Objective(
                "o3-1",
                "Answer every referral",
                (HOUSING.agency,),
                (OPEN_DOOR.agency, HOSPITAL.agency),
                (
                    Measure("K17", HOUSING.agency, (64, 68, 72), 1, 8),
                    Measure("K18", HOUSING.agency, (70, 80, 90), 2, 8),
                ),
            ),
            Objective(
                "o3-2",
                "Meet the need behind the referral",
                (),
                (HOUSING.agency, OPEN_DOOR.agency),
                (Measure("K20", None, (40, 45, 50), 1, 5),),
            ),
        ),
    ),
    Goal(
        "g4",
        "We keep our word and can trust our numbers",
        (
            Objective(
                "o4-1",
                "Report on time",
                (SCHOOLS.agency, POLICE.agency),
                (),
                (
                    Measure("K36", HOSPITAL.agency, (20, 16, 12), 1, 5),
                    Measure("K37", SCHOOLS.agency, (95, 97, 98), 1, 5),
                ),
            ),
            Objective(
                "o4-2",
                "Own what we promised",
                (POLICE.agency,),
                (),
                (
                    Measure("K38", POLICE.agency, (80, 85, 90), 0, 10),
                    Measure("K39", HOUSING.agency, (80, 85, 90), 2, 8),
                ),
            ),
        ),
    ),
    Goal(
        "g5",
        "Larkmoor is a safe place to live",
        (
            Objective(
                "o5-1",
                "Conditions that all share and no one agency answers for alone",
                (POLICE.agency,),
                (),
                (
                    Measure("P01", POLICE.agency, (420, 400, 380), 10, 30, 431.0),
                    Measure(UNMEASURED_KPI, HOUSING.agency, (120, 100, 80)),
                ),
            ),
        ),
    ),
)

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
)
"""(who, which family, how often, days of grace)."""


def moment_us(day: date, hour: float = 16.0) -> int:
    """UTC microseconds of an hour (UTC) on a day."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + hour * 3600) * 1_000_000)


@cache
def definition(kpi: str) -> dict[str, Any]:
    """The library's definition of a KPI as data; the plan's own indicator is P01's, pointed at another name."""
    name = "P01" if kpi == UNMEASURED_KPI else kpi
    found: dict[str, Any] = json.loads(
        (files("projections.kpi") / "library" / f"{name}.json").read_text(encoding="utf-8")
    )
    if kpi == UNMEASURED_KPI:
        found |= {"kpi": kpi, "title": "People sleeping outside in January", "unit": "count"}
        found["scope"] = {**found["scope"], "value": kpi}
    return found


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
    for position, goal in enumerate(GOALS, start=1):
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
