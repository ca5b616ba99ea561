"""The SQL compiler and the reference evaluator make the same of every row, whatever the definition and the
moment."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from contracts.kpi import KpiDefinition
from projections.kpi import conditions, reference, sql
from projections.kpi.check import check_definition
from projections.kpi.populations import table_of

DAY = 86_400_000_000
MOMENTS = ("requested_at", "accepted_at", "declined_at", "ended_at")
FLAGS = ("accepted", "declined")
WORDS = {"outcome": ("got_help", "partly", "not"), "need": ("housing", "food")}


def definition(**parts: Any) -> KpiDefinition:
    """A definition over referrals with these parts."""
    body = {
        "kpi": "T01",
        "version": 1,
        "title": "A test",
        "question": "how_well",
        "direction": "up",
        "unit": "percent",
        "unit_of_count": "referral",
        "population": "referrals",
        "period": {"on": "month", "grain": "month"},
        "exclude": [],
        "group_by": "agency",
        "empty": "no_value",
        "censoring": "none",
        "late_data": "restate",
        "rounding": {"digits": 1, "mode": "half_even"},
        "suppression": "none",
        "freshness": {"cadence": "month", "grace_days": 30},
        "changed_by": "a test",
        "source": "a test",
        **parts,
    }
    return KpiDefinition.model_validate_json(json.dumps(body))


moments = st.one_of(st.none(), st.integers(-3, 40).map(lambda d: d * DAY), st.integers(-10 * DAY, 40 * DAY))


@st.composite
def referral_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = [column.name for column in table_of("referrals").columns]
    rows = []
    for number in range(draw(st.integers(0, 12))):
        row: dict[str, Any] = dict.fromkeys(names)
        row["referral"] = f"r{number}"
        for name in MOMENTS:
            row[name] = draw(moments)
        for name in FLAGS:
            row[name] = draw(st.sampled_from([None, 0, 1]))
        for name, words in WORDS.items():
            row[name] = draw(st.sampled_from([None, *words]))
        row["agency"] = draw(st.sampled_from([None, "north", "south"]))
        row["month"] = draw(st.sampled_from([None, "2025-01", "2025-02", "2025-12"]))
        rows.append(row)
    return rows


def leaves() -> st.SearchStrategy[dict[str, Any]]:
    moment = st.sampled_from(MOMENTS)
    word = st.sampled_from(sorted(WORDS))
    return st.one_of(
        st.builds(
            lambda op, c, v: {"op": op, "column": c, "value": v},
            st.sampled_from(["eq", "ne"]),
            st.sampled_from(FLAGS),
            st.sampled_from([0, 1, True, False]),
        ),
        st.builds(
            lambda op, c, v: {"op": op, "column": c, "value": v},
            st.sampled_from(["eq", "ne"]),
            word,
            st.sampled_from(["got_help", "housing"]),
        ),
        st.builds(
            lambda c, v: {"op": "in", "column": c, "values": v},
            word,
            st.lists(st.sampled_from(["got_help", "not", "food"]), min_size=1, max_size=3),
        ),
        st.builds(
            lambda op, c: {"op": op, "column": c},
            st.sampled_from(["is_null", "not_null"]),
            st.sampled_from([*MOMENTS, *FLAGS, *WORDS]),
        ),
        st.builds(
            lambda op, c, o: {"op": op, "column": c, "other": o},
            st.sampled_from(["before", "after", "differs"]),
            moment,
            moment,
        ),
        st.builds(
            lambda f, t, s: {"op": "elapsed_at_most", "from": f, "to": t, "seconds": s},
            moment,
            moment,
            st.sampled_from([0, 3600, 86_400, 30 * 86_400]),
        ),
        st.builds(lambda c, d: {"op": "past", "column": c, "days": d}, moment, st.sampled_from([0, 5, 30])),
    )


def branches(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(
            lambda op, cs: {"op": op, "conditions": cs},
            st.sampled_from(["all_of", "any_of"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        inner.map(lambda c: {"op": "not", "condition": c}),
    )


condition = st.recursive(leaves(), branches, max_leaves=6)


@st.composite
def definitions(draw: st.DrawFn) -> KpiDefinition:
    kind = draw(st.sampled_from(["share", "split", "percentile", "count"]))
    parts: dict[str, Any] = {"unit": "percent"}
    if kind == "share":
        parts["measure"] = {
            "kind": kind,
            "numerator": draw(condition),
            "also": [{"name": "second", "numerator": draw(condition)}],
        }
    elif kind == "split":
        names = ["one", "two"]
        parts["measure"] = {
            "kind": kind,
            "dimension": "half",
            "parts": [{"name": name, "when": draw(condition)} for name in names],
            "rest": "rest",
            "headline": draw(st.sampled_from([["one"], ["two", "rest"]])),
        }
    elif kind == "percentile":
        parts["unit"] = "minutes"
        parts["measure"] = {
            "kind": kind,
            "of": {"kind": "duration", "from": "requested_at", "to": draw(st.sampled_from(MOMENTS[1:]))},
            "at": draw(st.sampled_from([0, 50, 90, 100])),
        }
    else:
        parts["unit"] = "count"
        parts["measure"] = {"kind": kind, "when": draw(condition)}
    parts["scope"] = draw(st.none() | condition)
    parts["exclude"] = [{"reason": f"reason_{n}", "when": draw(condition)} for n in range(draw(st.integers(0, 2)))]
    parts["group_by"] = draw(st.sampled_from([None, "agency", "need"]))
    return definition(**parts)


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = create_engine("sqlite://")
    table_of("referrals").create(engine)
    return engine


def counted(
    engine: Engine, rows: list[dict[str, Any]], made: KpiDefinition, as_of_us: int, months: Any = None
) -> sql.Counted:
    table = table_of("referrals")
    with engine.connect() as connection, connection.begin() as transaction:
        if rows:
            connection.execute(table.insert(), rows)
        found = sql.count(connection, made, table, as_of_us, months)
        transaction.rollback()
    return found


TRIES = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@TRIES
@given(rows=referral_rows(), made=definitions(), as_of_us=st.integers(-10, 60).map(lambda d: d * DAY))
def test_sql_equals_the_reference_evaluator(
    engine: Engine, rows: list[dict[str, Any]], made: KpiDefinition, as_of_us: int
) -> None:
    assert check_definition(made) is None
    assert reference.partials(made, rows, as_of_us) == counted(engine, rows, made, as_of_us).partials


@TRIES
@given(rows=referral_rows(), made=definitions(), as_of_us=st.integers(-10, 60).map(lambda d: d * DAY))
def test_nothing_changes_before_the_next_change_that_sql_announces(
    engine: Engine, rows: list[dict[str, Any]], made: KpiDefinition, as_of_us: int
) -> None:
    found = counted(engine, rows, made, as_of_us)
    horizon = min(found.next_change_us.values(), default=100 * DAY)
    assert horizon > as_of_us
    for moment in {as_of_us, (as_of_us + horizon) // 2, horizon - 1}:
        assert found.partials == reference.partials(made, rows, moment)


@TRIES
@given(rows=referral_rows(), made=definitions(), months=st.sets(st.sampled_from(["", "2025-01", "2025-12"])))
def test_the_partials_of_some_months_are_those_of_all(
    engine: Engine, rows: list[dict[str, Any]], made: KpiDefinition, months: set[str]
) -> None:
    everything = counted(engine, rows, made, 20 * DAY).partials
    some = counted(engine, rows, made, 20 * DAY, months).partials
    assert {place: part for place, part in everything.items() if place[0] in months} == some


def test_the_oracle_notices_a_compiler_that_lets_null_through(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the obvious compilation of ``ne`` and ``not`` differs from the reference on absent
    values."""
    row = dict.fromkeys(column.name for column in table_of("referrals").columns) | {"referral": "r"}
    made = definition(
        measure={
            "kind": "share",
            "numerator": {"op": "not", "condition": {"op": "eq", "column": "outcome", "value": "got_help"}},
        }
    )
    assert reference.partials(made, [row], 0)["", ""].numerator == 1
    assert counted(engine, [row], made, 0).partials["", ""].numerator == 1
    naive = sql.compile_condition

    def broken(inner: Any, table: Any, as_of_us: int) -> Any:
        if inner.op == "not":
            return table.c.outcome != "got_help"
        return naive(inner, table, as_of_us)

    monkeypatch.setattr(sql, "compile_condition", broken)
    assert counted(engine, [row], made, 0).partials["", ""].numerator == 0


def test_whole_seconds_are_cut_off_towards_zero_in_both() -> None:
    assert tuple(reference.whole_seconds(0, us) for us in (999_999, -999_999, 1_000_000, -1_999_999)) == (0, 0, 1, -1)


UNSOUND: list[tuple[dict[str, Any], str]] = [
    ({"population": "people"}, "/population"),
    ({"period": {"on": "requested_at", "grain": "month"}}, "/period/on"),
    ({"group_by": "colour"}, "/group_by"),
    ({"group_by": "requested_at"}, "/group_by"),
    ({"scope": {"op": "not_null", "column": "colour"}}, "/scope/column"),
    ({"scope": {"op": "eq", "column": "outcome", "value": 1}}, "/scope/column"),
    ({"scope": {"op": "eq", "column": "requested_at", "value": "x"}}, "/scope/column"),
    (
        {"scope": {"op": "not", "condition": {"op": "past", "column": "need", "days": 1}}},
        "/scope/condition/column",
    ),
    ({"unit": "minutes"}, "/unit"),
    (
        {"exclude": [{"reason": "a", "when": {"op": "is_null", "column": "need"}}] * 2},
        "/exclude/1/reason",
    ),
    (
        {"exclude": [{"reason": "no_value", "when": {"op": "is_null", "column": "need"}}]},
        "/exclude/0/reason",
    ),
    (
        {
            "measure": {
                "kind": "split",
                "dimension": "d",
                "parts": [{"name": "a", "when": {"op": "is_null", "column": "need"}}],
                "rest": "a",
                "headline": ["b"],
            }
        },
        "/measure/parts/0/name",
    ),
]


@pytest.mark.parametrize(("parts", "pointer"), UNSOUND)
def test_a_definition_is_checked_against_the_columns_of_its_population(parts: dict[str, Any], pointer: str) -> None:
    sound = {"measure": {"kind": "share", "numerator": {"op": "not_null", "column": "outcome"}}}
    assert check_definition(definition(**sound)) is None
    problem = check_definition(definition(**{**sound, **parts}))
    assert problem is not None
    assert ("definition_invalid", pointer) == (problem.code, problem.pointer)


def test_the_clock_is_found_wherever_it_is_read() -> None:
    past = {"op": "past", "column": "requested_at", "days": 3}
    made = definition(
        measure={
            "kind": "share",
            "numerator": {"op": "not", "condition": {"op": "any_of", "conditions": [past]}},
        }
    )
    assert [(clock.column, clock.days) for clock in conditions.clocks(made)] == [("requested_at", 3)]
