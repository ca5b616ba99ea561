"""The rules of a strategic plan: what may be adopted, set, defined, retired and disputed, and in which order.

They are here, as plain functions over plain values, because a scorecard is only as good as the plan it is read against:
a goal that hangs in the air, a KPI changed in place or a target for a retired KPI would each make a number that nobody
can explain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.faults import FAULT_CLASSES, fault
from domain.decider import DefinitionChecker, Fact


@dataclass(frozen=True, slots=True)
class KpiState:
    """The latest version of a KPI's definition, and whether it has been retired since."""

    version: int
    retired: bool = False


@dataclass(frozen=True, slots=True)
class PlanState:
    """What the rules need to know of a plan. ``version`` is 0 before the plan is adopted; goals are in ``goals``, each
    objective maps to its goal."""

    version: int = 0
    goals: frozenset[str] = frozenset()
    objectives: Mapping[str, str] = field(default_factory=dict)
    kpis: Mapping[str, KpiState] = field(default_factory=dict)


class PlanRules:
    """A Decider. An unowned KPI or objective is allowed: it is shown as unowned rather than refused."""

    def __init__(self, definition_checker: DefinitionChecker | None = None) -> None:
        """``definition_checker`` may refuse a definition that keeps its contract but cannot be evaluated."""
        self._definition_problem = definition_checker

    def initial_state(self) -> PlanState:
        """No plan is adopted."""
        return PlanState()

    def decide(self, state: PlanState, fact: Fact) -> Sequence[Fact]:
        """The fact itself, where no rule refuses it. Raises a Fault with the rule's code where one does."""
        data = fact.data
        if fact.type == "plan.adopted":
            _adoptable(state, data)
            return (fact,)
        if state.version == 0:
            raise fault("plan_not_adopted", f"The plan {data['plan']!r} has not been adopted.", "/data/plan")
        if fact.type == "objective.set":
            _goal_is_set(state, data)
        elif fact.type == "kpi.defined":
            _definable(state, data)
            self._evaluable(data)
        elif fact.type == "kpi.retired":
            _in_use(state, data)
            if data.get("successor") is not None:
                _defined(state, data["successor"], "/data/successor")
        elif fact.type == "target.set":
            _in_use(state, data)
        elif fact.type == "definition.disputed":
            _defined(state, data["kpi"], "/data/kpi")
        elif fact.type != "goal.set":
            raise fault("decision_refused", f"No rule of a plan knows {fact.type}.", "/type")
        return (fact,)

    def evolve(self, state: PlanState, fact: Fact) -> PlanState:
        """The plan after the fact."""
        data = fact.data
        if fact.type == "plan.adopted":
            return replace(state, version=data["version"])
        if fact.type == "goal.set":
            return replace(state, goals=state.goals | {data["goal"]})
        if fact.type == "objective.set":
            return replace(state, objectives={**state.objectives, data["objective"]: data["goal"]})
        if fact.type == "kpi.defined":
            return replace(state, kpis={**state.kpis, data["kpi"]: KpiState(data["version"])})
        if fact.type == "kpi.retired":
            version = state.kpis[data["kpi"]].version
            return replace(state, kpis={**state.kpis, data["kpi"]: KpiState(version, retired=True)})
        return state

    def _evaluable(self, data: dict[str, Any]) -> None:
        if self._definition_problem is None:
            return
        found = self._definition_problem(data["definition"])
        if found is not None:
            raise FAULT_CLASSES[found.family](found)


def _adoptable(state: PlanState, data: dict[str, Any]) -> None:
    if data["version"] <= state.version:
        raise fault(
            "plan_already_adopted",
            f"The plan {data['plan']!r} is adopted in version {state.version}; {data['version']} is not higher.",
            "/data/version",
            current=state.version,
        )


def _goal_is_set(state: PlanState, data: dict[str, Any]) -> None:
    if data["goal"] not in state.goals:
        raise fault("goal_unknown", f"The plan has no goal {data['goal']!r}.", "/data/goal")


def _definable(state: PlanState, data: dict[str, Any]) -> None:
    objective = data.get("objective")
    if objective is not None and objective not in state.objectives:
        raise fault("objective_unknown", f"The plan has no objective {objective!r}.", "/data/objective")
    known = state.kpis.get(data["kpi"])
    current = known.version if known else 0
    if data["version"] <= current:
        raise fault(
            "kpi_version_exists",
            f"{data['kpi']} is defined up to version {current}; the next is {current + 1}.",
            "/data/version",
            next_version=current + 1,
        )
    if data["version"] != current + 1:
        raise fault(
            "decision_refused",
            f"Versions of a KPI leave no gap: the next of {data['kpi']} is {current + 1}, not {data['version']}.",
            "/data/version",
            next_version=current + 1,
        )


def _defined(state: PlanState, kpi: str, pointer: str) -> KpiState:
    known = state.kpis.get(kpi)
    if known is None:
        raise fault("kpi_not_defined", f"The plan defines no KPI {kpi!r}.", pointer)
    return known


def _in_use(state: PlanState, data: dict[str, Any]) -> None:
    if _defined(state, data["kpi"], "/data/kpi").retired:
        raise fault("kpi_already_retired", f"{data['kpi']} has been retired.", "/data/kpi")
