"""Two definitions of one KPI over one period: both values, and rows whose moves make up the difference between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.faults import RejectedFault
from contracts.kpi import KpiDefinition
from projections.kpi import AsOf, reference
from projections.kpi.compare import Comparison, Move, compare
from projections.kpi.definitions import library
from tests.projections.kpi_world import World, library_body, us
from tests.projections.test_cell_refresh import step, take

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def body(of: str, **parts: Any) -> KpiDefinition:
    """A library definition with some parts changed, which nobody has recorded."""
    return KpiDefinition.model_validate({**library_body(of), **parts}, strict=False)


def beside(
    world: World,
    kpi: str,
    before: int | KpiDefinition,
    after: int | KpiDefinition,
    period: str = "all",
    group: str = "all",
    now: str = NOW,
    **more: Any,
) -> Comparison:
    world.refresh(now)
    with world.reading() as connection:
        return compare(connection, world.log, kpi, before, after, period, group, as_of=AsOf(us(now)), **more)


def told(moves: tuple[Move, ...]) -> dict[str, tuple[int, int, int]]:
    return {move.name: (move.rows, move.numerator, move.denominator) for move in moves}


ARREST = {"op": "eq", "column": "disposition", "value": "arrest"}
EVERY_CALL: dict[str, Any] = {"scope": None, "unit_of_count": "call"}


def test_both_versions_are_counted_over_the_same_period_with_what_moved(world: World) -> None:
    world.plan("K06")
    # Version 2 leaves arrests out and takes every call, closed or not.
    world.define("K06", version=2, scope=None, exclude=[{"reason": "arrested", "when": ARREST}])
    for name, disposition in (("a", "remained_in_community"), ("b", "arrest"), ("c", None), ("d", "respite")):
        world.call(name, "2025-03-05", disposition=disposition)
    world.call("e", "2025-04-05", disposition="arrest")
    found = beside(world, "K06", 1, 2, "2025-03")
    # By version 1: a of a, b, d. By version 2: a of a, c, d; b is left out as arrested.
    assert (1, 3) == (found.before.figures.numerator, found.before.figures.denominator)
    assert (1, 3) == (found.after.figures.numerator, found.after.figures.denominator)
    assert {"arrested": 1} == found.after.figures.excluded
    assert {"absent>denominator": (1, 0, 1), "denominator>excluded:arrested": (1, 0, -1)} == told(found.moves)
    assert [("b", "call/b"), ("c", "call/c")] == [(row.key, row.subject) for row in found.rows]
    assert found.adds_up
    b = found.rows[0]
    assert ["call.received", "encounter.closed"] == [event.event.type for event in b.events]


def test_one_kind_of_move_can_be_listed_alone_and_in_pages(world: World) -> None:
    for number in range(5):
        world.call(f"c{number}", "2025-03-05", disposition="arrest" if number else None)
    after = body("K06", exclude=[{"reason": "arrested", "when": ARREST}], **EVERY_CALL)
    whole = beside(world, "K06", 1, after)
    assert {"denominator>excluded:arrested": (4, 0, -4), "absent>denominator": (1, 0, 1)} == told(whole.moves)
    some = beside(world, "K06", 1, after, move="denominator>excluded:arrested", limit=3, offset=2)
    assert (["c3", "c4"], 4) == ([row.key for row in some.rows], some.row_count)
    assert whole.moves == some.moves


def test_a_definition_from_a_file_is_compared_without_being_recorded(world: World) -> None:
    world.call("a", "2025-03-05", disposition="arrest")
    found = beside(world, "K06", 1, body("K06", measure={"kind": "share", "numerator": ARREST}))
    assert (1, None) == (found.before.version, found.after.version)
    assert {"denominator>numerator": (1, 1, 0)} == told(found.moves)


def test_the_difference_of_the_definitions_is_told_in_sentences_and_as_data(world: World) -> None:
    found = beside(world, "K06", 1, body("K06", version=2, exclude=[{"reason": "arrested", "when": ARREST}]))
    assert ("Left out as “arrested” if the person was arrested.",) == found.added
    assert () == found.dropped
    assert ["version", "exclude"] == [difference.what for difference in found.differences]


def test_the_same_definition_moves_nothing(world: World) -> None:
    world.call("a", "2025-03-05", disposition="arrest")
    found = beside(world, "K06", 1, 1)
    assert ((), (), (), True) == (found.moves, found.rows, found.differences, found.adds_up)


def test_another_population_counts_none_of_the_same_rows(world: World) -> None:
    world.call("a", "2025-03-05", disposition="arrest")
    world.refer("a", "2025-03-05", got_help="2025-03-06")
    found = beside(world, "K06", 1, body("K20", kpi="K06"))
    assert {"denominator>absent": (1, 0, -1), "absent>numerator": (1, 1, 1)} == told(found.moves)
    assert [("calls", "a"), ("referrals", "a")] == [(row.population, row.key) for row in found.rows]
    assert found.adds_up


def test_another_measured_moment_is_a_move_of_the_value_alone(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="eligible", arrived="2025-03-05T13:00:00Z", disposition="respite")
    of = {"kind": "duration", "from": "received_at", "to": "closed_at"}
    exclude = [{"reason": "open", "when": {"op": "is_null", "column": "closed_at"}}]
    changed = body("K05", exclude=exclude, measure={"kind": "percentile", "of": of, "at": 50})
    found = beside(world, "K05", 1, changed)
    assert {"denominator>denominator>value": (1, 0, 0)} == told(found.moves)


def test_a_reported_figure_is_no_sum_over_rows(world: World) -> None:
    measured = {"kpi": "P01", "period": "2024", "value": 41.5, "method": "returns", "numerator": 83, "denominator": 2}
    world.say("indicator.measured", measured, "2025-02-01")
    found = beside(world, "P01", 1, body("P01", measure={"kind": "value", "column": "numerator"}), "2024")
    assert (None, 1) == (found.adds_up, found.row_count)


def test_a_part_of_a_split_is_compared_by_what_is_in_the_part(world: World) -> None:
    world.call("a", "2025-03-05", eligibility="eligible")
    world.call("b", "2025-03-05")
    measure = library_body("K02")["measure"] | {"parts": [], "rest": "not_triaged"}
    measure["parts"] = [{"name": "eligible", "when": {"op": "not_null", "column": "received"}}]
    measure["headline"] = ["eligible"]
    found = beside(world, "K02", 1, body("K02", measure=measure), "2025-03", "eligibility:eligible")
    assert (1, 2) == (found.before.figures.numerator, found.after.figures.numerator)
    assert {"denominator(not_triaged)>numerator(eligible)": (1, 1, 0)} == told(found.moves)
    assert found.adds_up


def test_a_group_that_only_one_of_the_two_has_is_empty_in_the_other(world: World) -> None:
    world.call("a", "2025-03-05", disposition="arrest", agency="north")
    found = beside(world, "K06", 1, body("K06", group_by=None), "2025-03", "agency:north")
    assert (1, 0) == (found.before.figures.denominator, found.after.figures.denominator)
    assert {"denominator>absent": (1, 0, -1)} == told(found.moves)
    with pytest.raises(RejectedFault, match="agency:south"):
        beside(world, "K06", 1, 1, "2025-03", "agency:south")


def test_an_unknown_version_and_a_definition_that_cannot_be_computed_are_refused(world: World) -> None:
    with pytest.raises(RejectedFault, match="K06 version 9"):
        beside(world, "K06", 1, 9)
    with pytest.raises(RejectedFault, match="no column 'colour'"):
        beside(world, "K06", 1, body("K06", scope={"op": "not_null", "column": "colour"}))


def test_superseded_events_of_a_moved_row_are_marked(world: World) -> None:
    world.say("encounter.closed", {"call": "a", "disposition": "respite"}, "2025-03-05", id="wrong")
    world.say("encounter.closed", {"call": "a", "disposition": "arrest"}, "2025-03-05", supersedes="wrong", id="right")
    (row,) = beside(world, "K06", 1, body("K06", measure={"kind": "share", "numerator": ARREST})).rows
    assert [("wrong", "right"), ("right", "")] == [(event.event.id, event.superseded_by) for event in row.events]


# The identity: what moved makes up the difference, whatever the two definitions and the history.

KPIS = [
    body("K06", **EVERY_CALL),
    body("K06", exclude=[{"reason": "arrested", "when": ARREST}]),
    body("K06", exclude=[{"reason": "here_no_more", "when": {"op": "past", "column": "closed_at", "days": 60}}]),
    body("K03", kpi="K06", group_by=None),
    *(body(kpi, kpi="K06") for kpi in sorted(library()) if not kpi.startswith("P")),
]
agencies = st.sampled_from(["north", "south"])
persons = st.sampled_from(["t-1", "t-2"])
days = st.sampled_from(["2025-01-10", "2025-02-10", "2025-03-10", "2025-05-10", None])


def said(type: str, speaker: str, time: str | None, /, **data: Any) -> tuple[str, Any]:
    return "say", (type, data, time, speaker)


more = st.one_of(
    st.builds(
        lambda c, p, t, a: said("encounter.closed", a, t, call=c, person=p, disposition="respite", follow_up=True),
        st.sampled_from(["c1", "c2", "c3", "c4"]),
        persons,
        days,
        agencies,
    ),
    st.builds(lambda c, t, a: said("followup.made", a, t, call=c, outcome="reached"), st.just("c1"), days, agencies),
    st.builds(lambda i, t, a: said("force.used", a, t, incident=i, call="c1"), st.just("i1"), days, agencies),
    st.builds(
        lambda n, p, t, a: said("arrest.made", a, t, arrest=n, charge_class="felony", divertible=True, person=p),
        st.sampled_from(["a1", "a2", "a3"]),
        persons,
        days,
        agencies,
    ),
    st.builds(
        lambda a, r, m, n: said("staffing.reported", a, f"{m}-28", agency=a, role=r, period=m, headcount=n),
        agencies,
        st.sampled_from(["patrol", "all"]),
        st.sampled_from(["2025-01", "2025-03"]),
        st.integers(1, 4),
    ),
    st.builds(
        lambda n, w, t, a: said("certification.earned", a, t, certification=n, staff=w, kind="cit", role="patrol"),
        st.sampled_from(["z1", "z2", "z3"]),
        st.sampled_from(["w1", "w2"]),
        days,
        agencies,
    ),
    st.builds(
        lambda n, stage, x, t, a: said(
            f"funding.{stage}", a, t, transaction=n, funding="f1", amount_minor=x, currency="USD", provider=a
        ),
        st.sampled_from(["x1", "x2", "x3", "x4"]),
        st.sampled_from(["committed", "disbursed", "spent"]),
        st.integers(1, 9),
        days,
        agencies,
    ),
    st.builds(
        lambda n, o, t, a: said("action.opened", a, t, action=n, plan="p1", owner=o, due="2025-03-20", what="x"),
        st.sampled_from(["o1", "o2"]),
        agencies,
        st.just("2025-01-10"),
        agencies,
    ),
)
CASES = {
    "steps": st.lists(st.one_of(step, more, more), min_size=5, max_size=30),
    "pair": st.tuples(st.sampled_from(KPIS), st.sampled_from(KPIS)),
    "place": st.sampled_from([("all", "all"), ("2025-03", "all"), ("2025", "agency:north"), ("2025-Q1", "all")]),
}


def random_world(steps: list[tuple[str, Any]]) -> World:
    world = World()
    for name in ("north", "south"):
        # Something of each agency in the period, so that its group is known.
        world.call(f"of-{name}", "2025-03-02", disposition="arrest", agency=name)
    for what, argument in steps:
        take(world, what, argument)
    return world


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(**CASES)
def test_the_moves_make_up_the_difference_of_the_two_cells(
    steps: list[tuple[str, Any]], pair: tuple[KpiDefinition, KpiDefinition], place: tuple[str, str]
) -> None:
    world = random_world(steps)
    try:
        found = beside(world, "K06", *pair, *place)
    except RejectedFault:
        assert "agency" in place[1]
        return
    finally:
        world.store.close()
    assert found.adds_up is not False, [side.figures for side in (found.before, found.after)]
    assert (found.adds_up is None) == any(no_sum(one) for one in pair)
    assert found.row_count == sum(move.rows for move in found.moves) >= len(found.rows)
    # Left out and back in: the reasons' counts are made up by the same moves. Entries and reports weigh more than one.
    if found.adds_up and all(one.weight is None for one in pair):
        for reason in {*found.before.figures.excluded, *found.after.figures.excluded}:
            into = sum(move.rows for move in found.moves if move.after.reason == reason)
            out = sum(move.rows for move in found.moves if move.before.reason == reason)
            counts = (side.figures.excluded.get(reason, 0) for side in (found.after, found.before))
            assert reason.startswith("below_minimum") or into - out == next(counts) - next(counts)


def no_sum(definition: KpiDefinition) -> bool:
    """Of what each value counts once, and of a ratio that leaves out who is in no denominator."""
    measure = definition.measure
    return measure.kind == "ratio" and (measure.matched or measure.numerator.distinct is not None)


def test_control_a_row_that_is_judged_otherwise_than_it_is_counted_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the identity: the moves come from the reference evaluator, the cells from SQL."""
    world.call("a", "2025-03-05", disposition="arrest")
    world.call("b", "2025-03-05", disposition="respite")
    after = body("K06", measure={"kind": "share", "numerator": ARREST})
    assert beside(world, "K06", 1, after).adds_up
    judge = reference.judge

    def careless(definition: KpiDefinition, row: Any, as_of_us: int) -> Any:
        verdict = judge(definition, row, as_of_us)
        return verdict if verdict is None or row["call"] != "a" else replace(verdict, numerator=False)

    monkeypatch.setattr(reference, "judge", careless)
    assert beside(world, "K06", 1, after).adds_up is False


def test_control_a_row_that_only_one_of_them_counts_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the denominator: a row goes missing on its way into the list, and not in the cell."""
    world.call("a", "2025-03-05", disposition="arrest")
    world.call("b", "2025-03-05")
    after = body("K06", **EVERY_CALL)
    assert beside(world, "K06", 1, after).adds_up
    judge = reference.judge

    def careless(definition: KpiDefinition, row: Any, as_of_us: int) -> Any:
        return None if row["call"] == "b" else judge(definition, row, as_of_us)

    monkeypatch.setattr(reference, "judge", careless)
    assert beside(world, "K06", 1, after).adds_up is False


def test_a_row_that_stands_for_more_is_a_move_of_the_weight_alone(world: World) -> None:
    for name, n in (("s-1", 12), ("s-2", 1)):
        items = [{"item": "trust", "score": 4}]
        survey = {"survey": name, "instrument": "trust", "version": 1, "mode": "web", "n": n, "items": items}
        world.say("survey.collected", survey, "2025-03-05")
    found = beside(world, "K44", 1, body("K44", weight=None))
    # Twelve answers become one sheet; the survey of one answer weighs what it weighed.
    assert (13, 2) == (found.before.figures.denominator, found.after.figures.denominator)
    assert {"denominator(answers)>denominator(answers)>weight": (1, 0, -11)} == told(found.moves)
    assert [("s-1", "weight")] == [(row.key, row.what) for row in found.rows]
    assert found.adds_up
