"""The scorecard shows the whole plan with every KPI on one line, and the KPIs that stand in no plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from contracts.kpi import KpiDefinition
from projections.kpi import AsOf, Scorecard, explanation, kpi_line, scorecard, sentence
from projections.kpi.definitions import library
from tests.projections.kpi_world import World, us

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def read(world: World, now: str = NOW) -> Scorecard:
    world.refresh(now)
    with world.reading() as connection:
        return scorecard(connection, AsOf(us(now)))


def test_without_a_plan_every_library_kpi_is_listed_as_unplanned(world: World) -> None:
    card = read(world)
    assert card.plans == ()
    assert sorted(library()) == [line.definition.kpi for line in card.unplanned]
    assert {"no_data"} == {line.cell.status for line in card.unplanned}


def test_a_plan_is_shown_as_goal_objective_and_kpi(world: World) -> None:
    world.plan("K06")
    world.define("K09")
    card = read(world)
    (plan,) = card.plans
    (goal,) = plan.goals
    (objective,) = goal.objectives
    assert (plan.plan, plan.title, plan.version) == ("p1", "Care first", 1)
    assert (goal.goal, objective.objective, objective.owners) == ("g1", "o1", ("lakeside",))
    assert [line.definition.kpi for line in objective.lines] == ["K06", "K09"]
    assert {line.definition.kpi for line in card.unplanned} == set(library()) - {"K06", "K09"}
    assert len(library()) == len(card.lines()) == len(card.cells())


def test_a_line_carries_value_target_trend_agencies_and_freshness(world: World) -> None:
    world.plan("K06")
    world.aim("K06", {"2025": 60, "2025-05": 40}, watch=10)
    for month in ("03", "04", "05", "06"):
        world.call(f"a{month}", f"2025-{month}-05", disposition="remained_in_community")
        world.call(f"b{month}", f"2025-{month}-06", disposition="arrest", agency="harbor")
    world.refresh(NOW)
    with world.reading() as connection:
        line = kpi_line(connection, "K06", AsOf(us(NOW)))
    assert (line.cell.period, line.cell.status, line.cell.target) == ("2025-05", "on_track", 40)
    assert (line.current.period, line.current.status, line.current.target) == ("2025-06", "watch", 60)
    assert (line.overall.period, line.overall.denominator) == ("all", 8)
    assert us("2025-05-06") == line.cell.last_us
    assert [(c.group, c.value) for c in line.by_agency] == [("agency:harbor", 0), ("agency:lakeside", 100)]
    assert len(line.trend) == 13
    assert (line.trend[0].period, line.trend[-1].period) == ("2024-05", "2025-05")
    assert [point.value for point in line.trend[-3:]] == [50, 50, 50]
    assert [point.status for point in line.trend[-3:]] == ["watch", "watch", "on_track"]
    assert line.trend[0].status == "no_data"


def test_an_old_value_is_shown_with_its_period_and_as_stale(world: World) -> None:
    world.plan("K06")
    world.call("a", "2025-03-05", disposition="remained_in_community")
    world.refresh("2028-01-01")
    with world.reading() as connection:
        line = kpi_line(connection, "K06", AsOf(us("2028-01-01")))
    assert (line.cell.period, line.cell.status, line.cell.value) == ("2025-03", "stale", 100)
    assert line.trend[-1].period == "2025-03"


def test_a_period_that_still_waits_for_windows_gives_way_to_the_newest_settled_one(world: World) -> None:
    world.refer("r1", "2025-04-20", completed="2025-05-01")
    world.refer("r2", "2025-05-02", completed="2025-05-20")  # through on 2025-06-01
    world.refer("r3", "2025-05-28")  # its 30 days end on 2025-06-27
    world.refresh(NOW)
    with world.reading() as connection:
        line = kpi_line(connection, "K18", AsOf(us(NOW)))
    assert ("2025-04", 1) == (line.cell.period, line.cell.denominator)
    world.refresh("2025-06-28")
    with world.reading() as connection:
        later = kpi_line(connection, "K18", AsOf(us("2025-06-28")))
    assert ("2025-05", 2, 1) == (later.cell.period, later.cell.denominator, later.cell.numerator)


def test_a_split_shows_its_parts(world: World) -> None:
    world.call("a", "2025-05-05", eligibility="eligible")
    world.call("b", "2025-05-05")
    world.refresh(NOW)
    with world.reading() as connection:
        line = kpi_line(connection, "K02", AsOf(us(NOW)))
    assert [(part.group, part.value) for part in line.parts] == [
        ("eligibility:eligible", 50),
        ("eligibility:ineligible", 0),
        ("eligibility:not_triaged", 50),
    ]


def test_an_outside_indicator_is_read_at_its_newest_reported_period(world: World) -> None:
    for period, value in (("2023", 44), ("2024", 41.5)):
        body = {"kpi": "P01", "period": period, "value": value, "method": "returns"}
        world.say("indicator.measured", body, "2025-02-01")
    world.refresh(NOW)
    with world.reading() as connection:
        line = kpi_line(connection, "P01", AsOf(us(NOW)))
    assert (line.cell.period, str(line.cell.value), line.cell.status) == ("2024", "41.5", "unowned")
    assert [float(point.value or 0) for point in line.trend[-2:]] == [44, 41.5]


def test_a_definition_that_cannot_be_computed_is_shown_as_a_problem(world: World) -> None:
    world.plan("K06", version=2, scope={"op": "not_null", "column": "colour"})
    line = next(line for line in read(world).lines() if line.definition.kpi == "K06")
    assert (line.cell.status, line.cell.value) == ("no_data", None)
    assert "colour" in line.problem
    assert "colour" in line.cell.status_reason


def test_a_retired_kpi_leaves_the_scorecard_and_stays_readable(world: World) -> None:
    world.plan("K06")
    world.call("a", "2025-05-05", disposition="remained_in_community")
    world.say("kpi.retired", {"plan": "p1", "kpi": "K06"}, "2025-06-01")
    assert "K06" not in [line.definition.kpi for line in read(world).lines()]
    assert world.cell("K06", "2025-05", now=NOW).value == 100


def test_the_scorecard_in_json_has_the_published_shape(world: World) -> None:
    world.plan("K06")
    world.aim("K06", {"2025": 75})
    world.call("a", "2025-05-05", disposition="remained_in_community")
    body = read(world).to_json()
    assert body["as_of"]["moment"] == "2025-06-10T12:00:00Z"
    cell = next(cell for cell in body["cells"] if cell["kpi"] == "K06")
    expected = {
        "kpi": "K06",
        "version": 1,
        "period": "2025-05",
        "group": "all",
        "value": 100.0,
        "numerator": 1,
        "denominator": 1,
        "target": 75,
        "status": "on_track",
        "excluded": {},
        "unit": "percent",
    }
    assert expected == {name: cell[name] for name in expected}
    assert body["plans"][0]["goals"][0]["objectives"][0]["kpis"][0]["kpi"] == "K06"


def test_reading_a_scorecard_takes_no_more_statements_on_a_larger_ledger(world: World) -> None:
    def statements() -> int:
        ran: list[str] = []
        listener = lambda *args: ran.append(args[2])  # noqa: E731
        event.listen(world.store.engine, "before_cursor_execute", listener)
        read(world)
        event.remove(world.store.engine, "before_cursor_execute", listener)
        return len([text for text in ran if "FROM calls" in text or "FROM referrals" in text])

    world.call("a", "2025-05-05", disposition="arrest")
    read(world)
    assert statements() == 0
    for number in range(20):
        world.call(f"c{number}", "2025-05-05", disposition="arrest")
    read(world)
    assert statements() == 0


def test_every_library_definition_can_be_said_in_plain_words() -> None:
    for definition in library().values():
        text = " ".join(explanation(definition.body))
        assert sentence(definition.body) in text
        assert "_" not in text
        assert not any(word in text for word in ("is_null", "all_of", "None"))


def test_the_words_follow_the_definition() -> None:
    k06: KpiDefinition = library()["K06"].body
    assert sentence(k06) == (
        "The percentage of encounters with a disposition where the person stayed in the community."
    )
    k17 = " ".join(explanation(library()["K17"].body))
    assert "5 days have not passed since the request" in k17
    k39 = sentence(library()["K39"].body)
    assert "the obligation was met no later than it was due" in k39
