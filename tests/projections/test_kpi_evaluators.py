"""Ratios, points in time, windows, returns, means, gaps and concentration: SQL and the plain evaluator make the same of
every row, at every moment, of all periods or of some."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, true
from sqlalchemy.engine import Connection, Engine

from contracts.kpi import KpiDefinition
from contracts.moments import local_month
from projections.kpi import counting, ends, joined, returns, sql_timed, timed, trained
from projections.kpi.check import check_definition
from projections.kpi.definitions import Definitions, library
from projections.kpi.evaluation import evaluate
from projections.kpi.measures import cell_figures
from projections.kpi.populations import table_of
from projections.kpi.sides import Side, populations_of
from projections.tables import METADATA
from tests.projections.test_kpi_sql import definition

ZONE = "America/Los_Angeles"
DAY = 86_400_000_000
BEGIN = round(datetime(2024, 11, 3, 7, tzinfo=UTC).timestamp()) * 1_000_000
Rows = dict[str, list[dict[str, Any]]]

LENGTH = 240
"""Days over which rows are spread: few enough that they meet, more than the longest short window."""

dated = st.one_of(st.integers(0, LENGTH).map(lambda d: BEGIN + d * DAY), st.integers(BEGIN, BEGIN + LENGTH * DAY))
moments = st.one_of(dated, dated, dated, st.none())
agency = st.sampled_from(["north", "north", "south", None])
person = st.sampled_from(["p1", "p1", "p2", None])
NOW = st.one_of(st.integers(0, 2 * LENGTH).map(lambda d: BEGIN + d * DAY), st.integers(BEGIN, BEGIN + 2 * LENGTH * DAY))


def day_of(moment: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).date().isoformat()


def month_of(moment: int | None) -> str | None:
    return None if moment is None else local_month(moment, ZONE)


flag = st.sampled_from([1, 1, None])
days = st.one_of(st.none(), st.integers(0, LENGTH).map(lambda d: day_of(BEGIN + d * DAY)))
staff = st.sampled_from(["s1", "s1", "s2", None])
role = st.sampled_from(["patrol", "all"])
TABLES: dict[str, tuple[str, str, dict[str, st.SearchStrategy[Any]]]] = {
    "referrals": (
        "referral",
        "requested_at",
        {
            "requested": flag,
            "accepted_at": moments,
            "ended_at": moments,
            "person_group": agency,
            "outcome": st.sampled_from([None, "got_help", "not"]),
        },
    ),
    "services": (
        "delivery",
        "delivered_at",
        {"referral": st.sampled_from(["referrals-0", "referrals-0", "referrals-1", None])},
    ),
    "arrests": ("arrest", "made_at", {"person": person}),
    "calls": ("call", "occurred_at", {"person": person, "engaged": flag, "closed": flag}),
    "incidents": ("incident", "used_at", {"call": st.sampled_from([None, "c"])}),
    "certifications": (
        "certification",
        "earned_at",
        {
            "staff": staff,
            "kind": st.sampled_from(["cit", "cit", "other"]),
            "role": role,
            "expired_at": moments,
            "expires": days,
        },
    ),
    "staffing": ("key", "reported_at", {"role": role, "headcount": st.sampled_from([None, 0, 3, 10])}),
    "transactions": (
        "transaction",
        "happened_at",
        {
            "stage": st.sampled_from(["committed", "disbursed", "spent"]),
            "amount_minor": st.integers(1, 1000),
            "currency": st.sampled_from(["USD", "USD", "EUR"]),
            "provider": st.sampled_from(["a", "b", None]),
        },
    ),
    "surveys": (
        "survey",
        "collected_at",
        {
            "score": st.sampled_from([None, 1.0, 2.5, 3.6666666666666665, 4.1]),
            "n": st.sampled_from([1, 1, 3, None]),
        },
    ),
    "trainings": (
        "training",
        "held_at",
        {
            "held": flag,
            "attendees_by_agency": st.sampled_from(
                [None, '{"north":2,"south":1}', '{"north":2,"south":0}', '{"north":1,"west":4}']
            ),
            "staff_by_agency": st.sampled_from([None, '{"north":["s1","s2"]}', '{"north":["s1"],"south":["s3"]}']),
        },
    ),
}
"""By table: its key, the moment that dates a row, and the values of further columns."""


@st.composite
def rows_of_table(draw: st.DrawFn, table: str) -> list[dict[str, Any]]:
    """Some rows of a table, near enough to each other in time to meet."""
    blank = dict.fromkeys(column.name for column in table_of(table).columns)
    if table == "agencies":
        sector = st.sampled_from(["law", "health", None])
        return [{**blank, "agency": name, "sector": draw(sector)} for name in ("north", "south", "west")]
    key, at, values = TABLES[table]
    found = []
    for number in range(draw(st.integers(1, 8))):
        moment = draw(moments)
        row = {**blank, key: f"{table}-{number}", at: moment, "month": month_of(moment), "agency": draw(agency)}
        found.append(row | {name: draw(value) for name, value in values.items()})
    return found


def tables_of(body: KpiDefinition) -> list[str]:
    """The tables that a definition's populations rest on."""
    more = {"referrals_served": ["referrals", "services"], "trained_staff": ["trainings", "agencies"]}
    return sorted({table for name in populations_of(body) for table in more.get(name, [name])})


@st.composite
def worlds(draw: st.DrawFn, name: str) -> Rows:
    """Rows of every table that a definition rests on."""
    return {table: draw(rows_of_table(table)) for table in tables_of(BODIES[name])}


VARIANTS: dict[str, dict[str, Any]] = {
    "open_split": {
        "timing": {"kind": "open", "from": "accepted_at", "until": ["ended_at"]},
        "measure": {
            "kind": "split",
            "dimension": "d",
            "parts": [{"name": "old", "when": {"op": "past", "column": "requested_at", "days": 20}}],
            "rest": "new",
            "headline": ["old"],
        },
        "exclude": [
            {"reason": "fresh", "when": {"op": "not", "condition": {"op": "past", "column": "accepted_at", "days": 3}}}
        ],
    },
    "rolling_median": {
        "unit": "days",
        "timing": {"kind": "rolling", "months": 3},
        "measure": {
            "kind": "percentile",
            "of": {"kind": "duration", "from": "requested_at", "to": "ended_at"},
            "at": 50,
            "also": [{"kind": "duration", "name": "second", "from": "requested_at", "to": "accepted_at", "at": 90}],
        },
    },
    "distinct_groups": {
        "unit": "count",
        "timing": {"kind": "rolling", "months": 12},
        "distinct": "person_group",
        "group_by": "agency",
        "measure": {"kind": "count"},
    },
    "latest_gap": {
        "unit": "points",
        "timing": {"kind": "latest", "by": ["agency"], "months": 6},
        "group_by": "agency",
        "measure": {"kind": "gap", "numerator": {"op": "past", "column": "requested_at", "days": 9}, "minimum": 1},
    },
    "within_30_days": {
        "population": "arrests",
        "measure": {
            "kind": "return",
            "person": "person",
            "at": "made_at",
            "days": 30,
            "after": "any",
            "also": [{"name": "sooner", "days": 7}],
        },
        "scope": {"op": "not_null", "column": "person"},
    },
    "headcount": {
        "population": "staffing",
        "unit": "count",
        "measure": {"kind": "total", "column": "headcount"},
    },
}
NEW = ("K11", "K12", "K15", "K21", "K22", "K28", "K40", "K40R", "K40C", "K41", "K44", "K46")
BODIES: dict[str, KpiDefinition] = {
    **{kpi: library()[kpi].body for kpi in NEW},
    **{name: definition(**parts) for name, parts in VARIANTS.items()},
}
every_body = pytest.mark.parametrize("name", sorted(BODIES))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = create_engine("sqlite://")
    METADATA.create_all(made)
    yield made
    made.dispose()


class Kept:
    """A connection that holds some rows until it is left."""

    def __init__(self, engine: Engine, world: Mapping[str, list[dict[str, Any]]]) -> None:
        self._engine, self._world = engine, world

    def __enter__(self) -> Connection:
        self._connection = self._engine.connect()
        self._transaction = self._connection.begin()
        for table, rows in self._world.items():
            if rows:
                self._connection.execute(table_of(table).insert(), rows)
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._transaction.rollback()
        self._connection.close()


def by_sql(connection: Connection, body: KpiDefinition, now: int, places: Any = None) -> counting.Count:
    return counting.count(connection, body, now, ZONE, months=places, definitions=Definitions([]), valued=dict)


def plainly(body: KpiDefinition, world: Rows, now: int, places: Any = None) -> Any:
    def rows_of(side: Side) -> Iterable[Mapping[str, Any]]:
        name = side.definition.population
        if name == "referrals_served":
            return list(joined.with_first_service(world["referrals"], world["services"]))
        if name == "trained_staff":
            return trained.rows_of(world["trainings"], {row["agency"]: row["sector"] for row in world["agencies"]})
        return world[name]

    return evaluate(body, rows_of, now, ZONE, places)


TRIES = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))


def test_every_definition_here_is_sound() -> None:
    assert {} == {name: problem for name, body in BODIES.items() if (problem := check_definition(body))}


@every_body
@TRIES
@given(data=st.data(), now=NOW)
def test_sql_equals_the_plain_evaluator_for_every_new_measure(
    engine: Engine, name: str, data: st.DataObject, now: int
) -> None:
    world = data.draw(worlds(name))
    with Kept(engine, world) as connection:
        assert plainly(BODIES[name], world, now) == by_sql(connection, BODIES[name], now).partials


@every_body
@TRIES
@given(data=st.data(), now=NOW)
def test_the_places_asked_for_are_those_of_all(engine: Engine, name: str, data: st.DataObject, now: int) -> None:
    world = data.draw(worlds(name))
    with Kept(engine, world) as connection:
        everything = by_sql(connection, BODIES[name], now).partials
        known = sorted({place for place, _ in everything} | {"2025-01", "2025-Q1", "2025", "2031"})
        if not ends.by_period(BODIES[name]):
            known = [place for place in known if place in ("", "2025-01") or len(place) == 7]
        wanted = data.draw(st.sets(st.sampled_from(known)))
        expected = {place: part for place, part in everything.items() if place[0] in wanted}
        assert expected == by_sql(connection, BODIES[name], now, wanted).partials
        assert expected == plainly(BODIES[name], world, now, wanted)


@every_body
@TRIES
@given(data=st.data(), now=NOW)
def test_nothing_changes_before_the_next_change_that_is_announced(
    engine: Engine, name: str, data: st.DataObject, now: int
) -> None:
    world = data.draw(worlds(name))
    with Kept(engine, world) as connection:
        found = by_sql(connection, BODIES[name], now)
        horizon = found.earliest_change_us() or now + 900 * DAY
        assert horizon > now
        for moment in {(now + horizon) // 2, horizon - 1}:
            assert found.partials == by_sql(connection, BODIES[name], moment).partials


@every_body
@TRIES
@given(data=st.data(), now=NOW, later=st.integers(1, 90))
def test_after_the_clock_has_moved_on_only_the_announced_places_differ(
    engine: Engine, name: str, data: st.DataObject, now: int, later: int
) -> None:
    world = data.draw(worlds(name))
    body, then = BODIES[name], now + later * DAY
    with Kept(engine, world) as connection:
        before, after = by_sql(connection, body, now), by_sql(connection, body, then)
        due = {place for place, moment in before.next_change_us.items() if moment <= then}
        again = {month for month, _ in due} | counting.places_due(body, now, then, ZONE)
        kept = {place: part for place, part in before.partials.items() if place[0] not in again}
        assert after.partials == {**kept, **by_sql(connection, body, then, again).partials}


@every_body
@TRIES
@given(data=st.data(), now=NOW)
def test_a_changed_table_changes_only_the_places_its_marks_name(
    engine: Engine, name: str, data: st.DataObject, now: int
) -> None:
    body = BODIES[name]
    before = data.draw(worlds(name))
    table = data.draw(st.sampled_from([table for table in before if table != "agencies"]))
    # One row more, less or other: whatever else stands where it stood has to be counted again with it.
    rows = before[table]
    place = data.draw(st.integers(0, len(rows)))
    other = {**data.draw(rows_of_table(table))[0], TABLES[table][0]: f"{table}-{place}"}
    gone = data.draw(st.booleans())
    after = {table: [*rows[:place], *([] if gone else [other]), *rows[place + 1 :]]}
    world = {**before, **after}
    touched = [*rows[place : place + 1], *([] if gone else [other])]
    marks = {(table, row["month"] or "") for row in touched}
    places = counting.affected_months(body, marks, now, ZONE)
    with Kept(engine, before) as connection:
        was = by_sql(connection, body, now).partials
    with Kept(engine, world) as connection:
        expected = by_sql(connection, body, now).partials
        again = by_sql(connection, body, now, places).partials
    kept = {} if places is None else {place: part for place, part in was.items() if place[0] not in places}
    assert expected == {**kept, **again}
    if places is not None and not marks:
        assert places == set()


@every_body
@TRIES
@given(data=st.data(), now=NOW)
def test_a_cell_of_everyone_never_adds_what_its_groups_do_not_have(
    engine: Engine, name: str, data: st.DataObject, now: int
) -> None:
    world = data.draw(worlds(name))
    body = BODIES[name]
    with Kept(engine, world) as connection:
        figures = cell_figures(body, by_sql(connection, body, now).partials.items())
    for (period, group), found in figures.items():
        if group != "all" and isinstance(found.denominator, int):
            everyone = figures[period, "all"].denominator
            assert isinstance(everyone, int)
            assert found.denominator <= everyone


ROW = dict[str, Any]


def referral(number: int, **values: Any) -> ROW:
    blank = dict.fromkeys(column.name for column in table_of("referrals").columns)
    return {**blank, "referral": f"r{number}", "requested": 1, "agency": "north", **values}


def test_control_a_window_that_forgets_the_end_of_the_period_is_noticed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: judge what is open by the moment of reading instead of the period's end, and SQL differs."""
    row = referral(1, requested_at=BEGIN, ended_at=BEGIN + 60 * DAY, month=month_of(BEGIN))
    world: Rows = {"referrals": [row]}
    now = BEGIN + 90 * DAY
    with Kept(engine, world) as connection:
        assert plainly(BODIES["K22"], world, now) == by_sql(connection, BODIES["K22"], now).partials
        assert {"2024-11", "2024-12", "2024-Q4", "2024"} == {place for place, _ in plainly(BODIES["K22"], world, now)}
        monkeypatch.setattr(sql_timed, "_open", lambda definition, timing, table, ends_: [table.c.ended_at.is_(None)])
        assert plainly(BODIES["K22"], world, now) != by_sql(connection, BODIES["K22"], now).partials


def test_a_return_of_today_is_told_by_the_periods_whose_days_have_passed() -> None:
    now = round(datetime(2025, 6, 15, tzinfo=UTC).timestamp()) * 1_000_000
    months = {"2023-06", "2024-06", "2024-11", "2024-12", "2025-06"}
    found = counting.affected_months(BODIES["K28"], {("arrests", "2025-06")}, now, ZONE) or set()
    assert months == {place for place in found if len(place) == 7 and "Q" not in place}
    assert {"2023", "2024", "2025"} == {place for place in found if len(place) == 4}


def test_control_a_return_that_looks_back_by_its_first_limit_only_is_noticed(
    engine: Engine,
) -> None:
    """Negative control: forget the further limits, and who came back after 700 days is not counted again."""
    blank = dict.fromkeys(column.name for column in table_of("arrests").columns)
    at = [BEGIN, BEGIN + 700 * DAY]
    rows = [
        {**blank, "arrest": f"a{n}", "made": 1, "person": "p", "made_at": moment, "month": month_of(moment)}
        for n, moment in enumerate(at)
    ]
    body, now, marks = BODIES["K28"], BEGIN + 740 * DAY, {("arrests", str(rows[1]["month"]))}
    with Kept(engine, {"arrests": rows[:1]}) as connection:
        before = by_sql(connection, body, now).partials
    with Kept(engine, {"arrests": rows}) as connection:
        after = by_sql(connection, body, now).partials
    different = {
        place for place, _ in before.keys() | after.keys() if before.get((place, "")) != after.get((place, ""))
    }
    assert "2024-11" in different <= (counting.affected_months(body, marks, now, ZONE) or set())
    forgetful = body.measure.model_copy(update={"also": ()})
    assert "2024-11" not in returns.judged_months(forgetful, str(rows[1]["month"]), now, ZONE)  # type: ignore[arg-type]


@pytest.mark.parametrize(("days", "counted"), [(9, 0), (10, 1), (40, 1)])
def test_a_window_never_counts_what_is_dated_after_the_reading(engine: Engine, days: int, counted: int) -> None:
    body, dated = BODIES["distinct_groups"], BEGIN + 10 * DAY
    world: Rows = {"referrals": [referral(1, requested_at=dated, month=month_of(dated), person_group="g")]}
    now = BEGIN + days * DAY
    with Kept(engine, world) as connection:
        found = by_sql(connection, body, now)
    assert counted == sum(part.denominator for place, part in found.partials.items() if place[0] == "all")
    assert found.partials == plainly(body, world, now)
    if not counted:
        assert dated == found.earliest_change_us()


def test_control_a_window_that_counts_the_future_is_noticed(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: let the SQL take every row of the running month, and it differs from the plain evaluator."""
    body, dated = BODIES["distinct_groups"], BEGIN + 10 * DAY
    world: Rows = {"referrals": [referral(1, requested_at=dated, month=month_of(dated), person_group="g")]}
    monkeypatch.setattr(sql_timed, "_has_come", lambda definition, table, known_us: true())
    with Kept(engine, world) as connection:
        assert plainly(body, world, BEGIN) != by_sql(connection, body, BEGIN).partials


def test_control_a_return_that_is_looked_for_in_its_own_month_only_is_noticed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: forget that a return may lie in a later month, and the places asked for differ from all."""
    blank = dict.fromkeys(column.name for column in table_of("arrests").columns)
    rows = [
        {**blank, "arrest": f"a{n}", "person": "p1", "made_at": at, "month": month_of(at), "agency": "north"}
        for n, at in enumerate((BEGIN, BEGIN + 25 * DAY))
    ]
    body, now = BODIES["within_30_days"], BEGIN + 90 * DAY
    with Kept(engine, {"arrests": rows}) as connection:
        whole = by_sql(connection, body, now).partials
        assert whole["2024-11", "north"].numerator == 1
        wanted = {"2024-11"}
        assert {p: v for p, v in whole.items() if p[0] in wanted} == by_sql(connection, body, now, wanted).partials
    late = [rows[0], {**rows[1], "made_at": BEGIN + 29 * DAY, "month": "2024-12"}]
    with Kept(engine, {"arrests": late}) as connection:
        assert by_sql(connection, body, now, wanted).partials["2024-11", "north"].numerator == 1
        monkeypatch.setattr("projections.kpi.sql_returns.reach_months", lambda measure: 0)
        assert by_sql(connection, body, now, wanted).partials["2024-11", "north"].numerator == 0
    assert returns.reach_months(body.measure) == 2  # type: ignore[arg-type]


def test_control_a_mark_that_reaches_only_its_own_month_is_noticed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: an open row stands at the ends of later months too; forget them, and cells are stale."""
    row = referral(1, requested_at=BEGIN, month=month_of(BEGIN))
    now = BEGIN + 90 * DAY
    with Kept(engine, {"referrals": [row]}) as connection:
        expected = {place for place, _ in by_sql(connection, BODIES["K22"], now).partials}
    marks = {("referrals", "2024-11")}
    assert expected <= (counting.affected_months(BODIES["K22"], marks, now, ZONE) or set())
    monkeypatch.setattr(counting, "touched", lambda timing, month, running: [month])
    assert not expected <= (counting.affected_months(BODIES["K22"], marks, now, ZONE) or set())


UNSOUND: list[tuple[str, dict[str, Any], str]] = [
    (
        "K11",
        {"measure": {"kind": "ratio", "numerator": {"population": "nobody"}, "per": 1000}},
        "/measure/numerator/population",
    ),
    ("K11", {"unit": "percent"}, "/unit"),
    (
        "K11",
        {"measure": {"kind": "ratio", "numerator": {"population": "incidents", "sum": "call"}, "per": 1000}},
        "/measure/numerator/sum",
    ),
    (
        "K11",
        {
            "measure": {
                "kind": "ratio",
                "numerator": {"population": "incidents", "timing": {"kind": "rolling", "months": 2}},
                "per": 1000,
            }
        },
        "/measure/numerator/timing",
    ),
    (
        "K11",
        {"measure": {"kind": "ratio", "numerator": {"population": "incidents", "distinct": "call"}, "per": 1000}},
        "/measure/numerator/distinct",
    ),
    (
        "K11",
        {
            "measure": {
                "kind": "ratio",
                "numerator": {"population": "incidents", "scope": {"op": "not_null", "column": "weapon"}},
                "per": 1000,
            }
        },
        "/measure/numerator/scope/column",
    ),
    (
        "K11",
        {"measure": {"kind": "ratio", "numerator": {"population": "incidents"}, "per": 1000, "matched": True}},
        "/group_by",
    ),
    ("K22", {"timing": {"kind": "open", "from": "need"}}, "/timing/from"),
    ("K22", {"timing": {"kind": "open", "from": "requested_at", "until": ["colour"]}}, "/timing/until/0"),
    ("K22", {"timing": {"kind": "latest", "by": ["colour"], "months": 2}}, "/timing/by/0"),
    ("K22", {"distinct": "person"}, "/distinct"),
    ("K28", {"timing": {"kind": "rolling", "months": 2}}, "/timing"),
    ("K28", {"scope": {"op": "past", "column": "made_at", "days": 1}}, "/scope"),
    (
        "K28",
        {"measure": {"kind": "return", "person": "person", "at": "accepted_at", "days": 9, "after": "any"}},
        "/measure/at",
    ),
    (
        "K28",
        {"exclude": [{"reason": "window_open", "when": {"op": "is_null", "column": "person"}}]},
        "/exclude/0/reason",
    ),
    ("K40C", {"weight": "amount_minor"}, "/weight"),
    ("K44", {"measure": {"kind": "mean", "column": "instrument"}}, "/measure/column"),
    ("K46", {"group_by": None}, "/group_by"),
]


@pytest.mark.parametrize(("kpi", "parts", "pointer"), UNSOUND)
def test_what_cannot_be_evaluated_is_refused_with_its_place(kpi: str, parts: dict[str, Any], pointer: str) -> None:
    body = {**json.loads(library()[kpi].body.model_dump_json(by_alias=True)), **parts}
    problem = check_definition(KpiDefinition.model_validate_json(json.dumps(body)))
    assert problem is not None
    assert ("definition_invalid", pointer) == (problem.code, problem.pointer)


def test_a_latest_row_stands_until_the_next_and_not_for_ever() -> None:
    body = BODIES["K15"]
    said = [
        {"key": "a", "agency": "north", "role": "patrol", "month": "2024-01", "headcount": 10},
        {"key": "b", "agency": "north", "role": "patrol", "month": "2024-03", "headcount": 8},
    ]

    def stands(month: str) -> list[int]:
        end = ends.End(month, 0, f"{month}-28", False, (month,))
        return [row["headcount"] for row in timed.standing(body, said, end)]

    assert [[10], [10], [8], [8], []] == [stands(m) for m in ("2024-01", "2024-02", "2024-03", "2025-02", "2025-03")]
