"""The rules of a strategic plan: what may be adopted, set, defined, retired and disputed, and in which order.

They are here, as plain functions over plain values, because a scorecard is only as good as the plan it is
read against: a goal that hangs in the air, a KPI changed in place or a target for a retired KPI would each
make a number that nobody can explain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.faults import FAULT_CLASSES, fault
from domain.decider import DefinitionChecker, Fact


@dataclass(frozen=True, slots=True)
class KpiState:
    """The latest version of a KPI's definition, and which of its versions are retired."""

    version: int
    retired: frozenset[int] = frozenset()

    def live(self) -> frozenset[int]:
        """The versions that are not retired."""
        return frozenset(range(1, self.version + 1)) - self.retired


@dataclass(frozen=True, slots=True)
class PlanState:
    """What the rules need to know of a plan; ``version`` is 0 before it is adopted."""

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
            _retirable(state, data)
            if data.get("successor") is not None:
                _defined(state, data["successor"], "/data/successor")
        elif fact.type == "target.set":
            _in_use(state, data)
        elif fact.type == "definition.disputed":
            _version_defined(state, data)
        elif fact.type not in ("goal.set", "calendar.set"):
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
            earlier = state.kpis.get(data["kpi"], KpiState(0))
            return _with_kpi(state, data["kpi"], replace(earlier, version=data["version"]))
        if fact.type == "kpi.retired":
            known = state.kpis[data["kpi"]]
            ended = known.live() if data.get("version") is None else {data["version"]}
            return _with_kpi(state, data["kpi"], replace(known, retired=known.retired | ended))
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
            f"{data['plan']!r} is adopted in version {state.version}; {data['version']} is not higher.",
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
            f"Versions leave no gap: the next of {data['kpi']} is {current + 1}, not {data['version']}.",
            "/data/version",
            next_version=current + 1,
        )


def _defined(state: PlanState, kpi: str, pointer: str) -> KpiState:
    known = state.kpis.get(kpi)
    if known is None:
        raise fault("kpi_not_defined", f"The plan defines no KPI {kpi!r}.", pointer)
    return known


def _version_defined(state: PlanState, data: dict[str, Any]) -> KpiState:
    known = _defined(state, data["kpi"], "/data/kpi")
    version = data.get("version")
    if version is not None and version > known.version:
        raise fault("kpi_not_defined", f"{data['kpi']} is defined up to version {known.version}.", "/data/version")
    return known


def _retirable(state: PlanState, data: dict[str, Any]) -> None:
    known = _version_defined(state, data)
    if data.get("version") in known.retired:
        raise fault("kpi_already_retired", f"{data['kpi']} version {data['version']} is retired.", "/data/version")
    _in_use(state, data)


def _in_use(state: PlanState, data: dict[str, Any]) -> None:
    if not _defined(state, data["kpi"], "/data/kpi").live():
        raise fault("kpi_already_retired", f"{data['kpi']} is retired in every version.", "/data/kpi")


def _with_kpi(state: PlanState, kpi: str, known: KpiState) -> PlanState:
    return replace(state, kpis={**state.kpis, kpi: known})
