"""The rules of a plan, as given / when / then: what was decided, what is put forward, what follows."""

from __future__ import annotations

from functools import partial

import pytest

from contracts.faults import ConflictFault, RejectedFault, problem
from domain.decider import Fact
from domain.plan import PlanRules
from tests.domain import given as telling

ADOPTED = Fact("plan.adopted", {"plan": "p", "version": 1})
GOAL = Fact("goal.set", {"plan": "p", "goal": "g"})
OBJECTIVE = Fact("objective.set", {"plan": "p", "goal": "g", "objective": "o"})
CALENDAR = Fact("calendar.set", {"plan": "p", "weekdays": [1, 2, 3, 4, 5], "holidays": ["2025-12-25"]})
TARGET = Fact("target.set", {"plan": "p", "kpi": "K06", "targets": [{"period": "2025", "value": 80}]})


def defined(version: int, kpi: str = "K06", objective: str = "o") -> Fact:
    data = {"plan": "p", "kpi": kpi, "version": version, "objective": objective, "definition": {"kpi": kpi}}
    return Fact("kpi.defined", data)


def retired(version: int | None = None, successor: str | None = None) -> Fact:
    return Fact("kpi.retired", {"plan": "p", "kpi": "K06", "version": version, "successor": successor})


def disputed(version: int | None = None) -> Fact:
    return Fact("definition.disputed", {"plan": "p", "kpi": "K06", "version": version, "by": "x", "reason": "y"})


given = partial(telling.given, PlanRules())
decided = partial(telling.decided, PlanRules())
refusal = partial(telling.refusal, PlanRules())


@pytest.mark.parametrize("fact", [GOAL, OBJECTIVE, CALENDAR, defined(1), TARGET, retired(), disputed()])
def test_nothing_is_decided_before_the_plan_is_adopted(fact: Fact) -> None:
    assert refusal(given(), fact) == ("plan_not_adopted", "/data/plan")


def test_a_calendar_is_set_again_whenever_the_partnership_wants() -> None:
    assert decided(given(ADOPTED, CALENDAR), CALENDAR) == [CALENDAR]
    assert given(ADOPTED, CALENDAR) == given(ADOPTED)


def test_a_plan_is_adopted_again_only_in_a_higher_version() -> None:
    again = Fact("plan.adopted", {"plan": "p", "version": 2})
    assert decided(given(), ADOPTED) == [ADOPTED]
    assert refusal(given(ADOPTED), ADOPTED) == ("plan_already_adopted", "/data/version")
    assert [again] == decided(given(ADOPTED), again)
    assert refusal(given(ADOPTED, again), ADOPTED) == ("plan_already_adopted", "/data/version")


def test_a_goal_may_be_set_and_reworded() -> None:
    assert decided(given(ADOPTED), GOAL) == [GOAL]
    assert decided(given(ADOPTED, GOAL), GOAL) == [GOAL]


def test_an_objective_serves_a_goal_of_the_plan() -> None:
    assert refusal(given(ADOPTED), OBJECTIVE) == ("goal_unknown", "/data/goal")
    assert decided(given(ADOPTED, GOAL), OBJECTIVE) == [OBJECTIVE]


def test_a_kpi_measures_an_objective_of_the_plan() -> None:
    state = given(ADOPTED, GOAL, OBJECTIVE)
    assert refusal(state, defined(1, objective="other")) == ("objective_unknown", "/data/objective")
    assert [defined(1)] == decided(state, defined(1))


def test_an_unowned_kpi_is_taken() -> None:
    unowned = Fact("kpi.defined", {**defined(1).data, "owner": None})
    assert [unowned] == decided(given(ADOPTED, GOAL, OBJECTIVE), unowned)


def test_a_definition_is_never_changed_in_place_and_versions_leave_no_gap() -> None:
    state = given(ADOPTED, GOAL, OBJECTIVE, defined(1))
    assert refusal(state, defined(1)) == ("kpi_version_exists", "/data/version")
    assert refusal(state, defined(3)) == ("decision_refused", "/data/version")
    assert [defined(2)] == decided(state, defined(2))
    assert refusal(given(ADOPTED, GOAL, OBJECTIVE), defined(2)) == ("decision_refused", "/data/version")


def test_a_target_needs_a_defined_kpi_that_is_not_retired() -> None:
    state = given(ADOPTED, GOAL, OBJECTIVE)
    assert refusal(state, TARGET) == ("kpi_not_defined", "/data/kpi")
    assert decided(given(ADOPTED, defined(1)), TARGET) == [TARGET]
    assert refusal(given(ADOPTED, defined(1), retired()), TARGET) == ("kpi_already_retired", "/data/kpi")
    assert decided(given(ADOPTED, defined(1), defined(2), retired(1)), TARGET) == [TARGET]
    assert decided(given(ADOPTED, defined(1), retired(), defined(2)), TARGET) == [TARGET]


def test_a_kpi_is_retired_once_whole_or_version_by_version() -> None:
    assert refusal(given(ADOPTED), retired()) == ("kpi_not_defined", "/data/kpi")
    two = (ADOPTED, defined(1), defined(2))
    assert refusal(given(*two), retired(3)) == ("kpi_not_defined", "/data/version")
    assert [retired(1)] == decided(given(*two), retired(1))
    assert refusal(given(*two, retired(1)), retired(1)) == ("kpi_already_retired", "/data/version")
    assert [retired()] == decided(given(*two, retired(1)), retired())
    assert refusal(given(*two, retired(1), retired(2)), retired()) == ("kpi_already_retired", "/data/kpi")


def test_a_successor_is_a_defined_kpi() -> None:
    state = given(ADOPTED, defined(1))
    assert refusal(state, retired(successor="K07")) == ("kpi_not_defined", "/data/successor")
    both = given(ADOPTED, defined(1), defined(1, kpi="K07"))
    assert [retired(successor="K07")] == decided(both, retired(successor="K07"))


def test_only_a_definition_that_exists_can_be_disputed() -> None:
    assert refusal(given(ADOPTED), disputed()) == ("kpi_not_defined", "/data/kpi")
    assert refusal(given(ADOPTED, defined(1)), disputed(2)) == ("kpi_not_defined", "/data/version")
    assert [disputed(1)] == decided(given(ADOPTED, defined(1)), disputed(1))


def test_a_definition_that_cannot_be_evaluated_is_refused_with_the_checkers_reason() -> None:
    found = problem("definition_invalid", "no column 'colour'", "/data/definition")
    rules = PlanRules(lambda definition: found if definition["kpi"] == "K06" else None)
    state = given(ADOPTED, GOAL, OBJECTIVE)
    with pytest.raises(RejectedFault) as told:
        rules.decide(state, defined(1))
    assert found == told.value.problem
    assert [defined(1, kpi="K07")] == list(rules.decide(state, defined(1, kpi="K07")))


def test_a_decision_without_a_rule_is_refused() -> None:
    with pytest.raises(ConflictFault, match="No rule"):
        PlanRules().decide(given(ADOPTED), Fact("plan.sung", {"plan": "p"}))


def test_what_is_recorded_has_happened_whatever_the_rules_say_today() -> None:
    rules = PlanRules()
    state = rules.evolve(rules.evolve(rules.initial_state(), defined(1)), ADOPTED)
    assert (state.version, state.kpis["K06"].version) == (1, 1)


def test_evolve_leaves_the_earlier_state_alone() -> None:
    before = given(ADOPTED, GOAL)
    PlanRules().evolve(before, OBJECTIVE)
    assert given(ADOPTED, GOAL) == before
