"""A target or definition that moved leaves a trace: every decision, the old beside the new, in the order of the log."""

from __future__ import annotations

from typing import Any

from projections.kpi.history import Difference, History, decisions, disputed, history
from tests.projections.kpi_world import World, library_body

PLAN = {"plan": "p1"}


def planned(owner: str = "county") -> World:
    """A plan that takes K06 over from the library."""
    world = World()
    world.say(
        "plan.adopted", {**PLAN, "version": 1, "period": {"from": "2025-01-01", "to": "2027-12-31"}}, "2025-01-02"
    )
    world.say("goal.set", {**PLAN, "goal": "g1", "statement": "x"}, "2025-01-02")
    world.say("objective.set", {**PLAN, "goal": "g1", "objective": "o1", "statement": "x"}, "2025-01-02")
    define(world, 1, owner)
    return world


def define(world: World, version: int, owner: str, **parts: Any) -> None:
    defined = {**PLAN, "objective": "o1", "kpi": "K06", "version": version, "owner": owner}
    body = library_body("K06", version=version, **parts)
    world.say("kpi.defined", {**defined, "definition": body, "effective_from": "2025-01-01"}, "2025-01-03")


def aim(world: World, kpi: str = "K06", **targets: float) -> None:
    named = [{"period": period.removeprefix("y"), "value": value} for period, value in targets.items()]
    world.say("target.set", {**PLAN, "kpi": kpi, "targets": named}, "2025-02-01")


def told(world: World, kpi: str = "K06") -> History:
    world.apply()
    with world.store.read() as connection:
        return history(decisions(connection, world.log), kpi)


def test_a_target_that_moved_is_told_old_beside_new_period_by_period() -> None:
    world = planned()
    aim(world, y2025=70, y2026=75)
    aim(world, y2025=0)
    aim(world, y2025=0)
    first, moved, same = told(world).changes[-3:]
    assert first.differences == (Difference("target", None, 70, "2025"), Difference("target", None, 75, "2026"))
    assert moved.differences == (Difference("target", 70, 0, "2025"), Difference("target", 75, None, "2026"))
    assert same.differences == ()


def test_another_kpis_target_is_none_of_it() -> None:
    world = planned()
    before = told(world)
    aim(world, "K05", y2025=20)
    assert told(world) == before


def test_a_definition_taken_over_from_the_library_changes_only_who_answers_for_it() -> None:
    (change,) = told(planned()).changes
    assert [part.what for part in change.differences] == ["owner", "objective", "effective_from"]


def test_a_new_version_is_told_in_words_and_in_the_parts_that_differ() -> None:
    world = planned()
    measure = {"kind": "share", "numerator": {"op": "eq", "column": "disposition", "value": "arrest"}}
    define(world, 2, "sheriff", measure=measure)
    change = told(world).changes[-1]
    assert change.version == 2
    assert {part.what for part in change.differences} == {"owner", "sentence", "version", "measure"}
    assert Difference("owner", "county", "sheriff") in change.differences


def test_a_retirement_and_a_dispute_are_told_with_their_reason() -> None:
    world = planned()
    world.say("definition.disputed", {**PLAN, "kpi": "K06", "by": "x", "reason": "Arrests are left out."}, "2025-03-01")
    define(world, 2, "county", title="Another")
    world.say("kpi.retired", {**PLAN, "kpi": "K06", "version": 1, "reason": "Replaced."}, "2025-03-02")
    found = told(world)
    retired = found.changes[-1].to_json()
    assert (retired["type"], retired["version"], retired["reason"]) == ("kpi.retired", 1, "Replaced.")
    (dispute,) = found.disputes
    # About the version that was the latest when it was stated, not the one that came after.
    assert (dispute.by, dispute.version, dispute.reason) == ("x", 1, "Arrests are left out.")
    with world.store.read() as connection:
        assert disputed(decisions(connection, world.log)) == {("K06", 1)}


def test_a_decision_that_an_event_names_as_withdrawn_is_told_all_the_same() -> None:
    world = planned()
    aim(world, y2025=70)
    world.void(world.log.events[-1].id)
    assert told(world).changes[-1].event.type == "target.set"


def test_control_what_the_views_have_not_read_is_not_told_yet() -> None:
    world = planned()
    before = told(world)
    aim(world, y2025=70)
    with world.store.read() as connection:
        assert history(decisions(connection, world.log), "K06") == before
