"""The goals of the demonstration's plan, with the objectives under them and the KPIs they are measured by.

Owners, targets and tolerances are chosen so that the scorecard shows every status there is. A KPI of the library that
is not named here is measured all the same: nothing in the library is left out of the demonstration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ops.demo.cast import CRISIS, HOSPITAL, HOUSING, OPEN_DOOR, POLICE, SCHOOLS

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


_GOALS: Final = (
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
                    Measure("K04", POLICE.agency, (250, 120, 10), 5, 40),
                    Measure("K10", CRISIS.agency, (3.0, 2.5, 2.0), 0.2, 1, 3.1),
                    Measure("K48", POLICE.agency, None),
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
                    Measure("K12", CRISIS.agency, (26, 24, 22), 0.5, 3),
                    Measure("K24", CRISIS.agency, (50, 60, 75), 2, 10),
                ),
            ),
            Objective(
                "o2-2",
                "Keep arrest the last resort",
                (POLICE.agency,),
                (CRISIS.agency,),
                (
                    Measure("K09", POLICE.agency, (2.2, 1.8, 1.2), 0.1, 0.6, 2.4),
                    Measure("K11", POLICE.agency, (6, 5, 4), 0.3, 1.5),
                    Measure("K28", POLICE.agency, (22, 20, 18), 0.5, 2),
                    Measure("K26", POLICE.agency, (35, 45, 55), 2, 8),
                ),
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
                    Measure("K21", HOUSING.agency, (4, 3, 2), 0, 1),
                    Measure("K22", HOUSING.agency, (40, 30, 20), 2, 10),
                    Measure("K23", HOSPITAL.agency, (60, 50, 40), 2, 8),
                ),
            ),
            Objective(
                "o3-2",
                "Meet the need behind the referral",
                (),
                (HOUSING.agency, OPEN_DOOR.agency),
                (
                    Measure("K20", None, (40, 45, 50), 1, 5),
                    Measure("K46", CRISIS.agency, (12, 10, 8), 1, 4),
                ),
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
                    Measure("K42", CRISIS.agency, (70, 80, 90), 2, 10),
                ),
            ),
            Objective(
                "o4-3",
                "Know where the money is",
                (HOUSING.agency,),
                (CRISIS.agency, OPEN_DOOR.agency),
                (Measure("K40", HOUSING.agency, (90, 92, 95), 1, 5),),
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
                    Measure("P02", POLICE.agency, (30, 27, 24), 1, 3, 31.0),
                    Measure("K44", POLICE.agency, (3.1, 3.3, 3.5), 0, 0.2, 3.0),
                    Measure(UNMEASURED_KPI, HOUSING.agency, (120, 100, 80)),
                ),
            ),
        ),
    ),
    Goal(
        "g6",
        "People who meet a crisis have learned to, together",
        (
            Objective(
                "o6-1",
                "A certified officer on every shift",
                (POLICE.agency,),
                (CRISIS.agency,),
                (Measure("K15", POLICE.agency, (40, 55, 70), 2, 10, 33.0),),
            ),
            Objective(
                "o6-2",
                "Learn what the others do",
                (CRISIS.agency,),
                (POLICE.agency, HOSPITAL.agency, HOUSING.agency, SCHOOLS.agency),
                (Measure("K41", CRISIS.agency, (30, 40, 50), 2, 8),),
            ),
        ),
    ),
)
_OTHERS: Final = "o4-2"
"""The objective of KPIs that no objective names and that belong to none that is named."""


def _library() -> list[str]:
    return sorted(
        file.name.removesuffix(".json")
        for file in (files("projections.kpi") / "library").iterdir()
        if file.name.endswith(".json")
    )


@cache
def goals() -> tuple[Goal, ...]:
    """The goals with exactly the KPIs of the library, and the plan's own. One that is not named above stands beside
    the one whose number it shares (``K42Q`` beside ``K42``), owned alike and without a target.
    """
    library = _library()
    measured = {measure.kpi for goal in _GOALS for part in goal.objectives for measure in part.measures}
    unnamed = [kpi for kpi in library if kpi not in measured]
    beside = {kpi: next((known for known in sorted(measured) if kpi.startswith(known)), None) for kpi in unnamed}

    def measures(objective: Objective) -> tuple[Measure, ...]:
        found: list[Measure] = []
        for measure in objective.measures:
            if measure.kpi in library or measure.kpi == UNMEASURED_KPI:
                found.append(measure)
            found += [Measure(kpi, measure.owner, None) for kpi in unnamed if beside[kpi] == measure.kpi]
        if objective.id == _OTHERS:
            found += [Measure(kpi, objective.owners[0], None) for kpi in unnamed if beside[kpi] is None]
        return tuple(found)

    return tuple(
        replace(goal, objectives=tuple(replace(part, measures=measures(part)) for part in goal.objectives))
        for goal in _GOALS
    )


@cache
def definition(kpi: str, version: int = 1) -> dict[str, Any]:
    """The library's definition of a KPI as data; the plan's own indicator is P01's, pointed at another name, and
    version 2 of K18 waits 45 days where version 1 waits 30.
    """
    name = "P01" if kpi == UNMEASURED_KPI else kpi
    text = (files("projections.kpi") / "library" / f"{name}.json").read_text(encoding="utf-8")
    if version == 2:
        text = text.replace("30", "45").replace(str(30 * 86_400), str(45 * 86_400))
    found: dict[str, Any] = json.loads(text)
    found["version"] = version
    if kpi == UNMEASURED_KPI:
        found |= {"kpi": kpi, "title": "People sleeping outside in January", "unit": "count"}
        found["scope"] = {**found["scope"], "value": kpi}
    return found
