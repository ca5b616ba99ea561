"""Which version of a KPI judges a period: the one that counted as the period began, whenever it is read."""

from __future__ import annotations

from typing import Any

import pytest

from projections.kpi import AsOf, scorecard
from projections.kpi.definitions import Definitions
from projections.kpi.scorecard import kpi_line
from tests.projections.kpi_world import World, us


@pytest.fixture
def world() -> World:
    """Version 2 counts from June on; by version 1 May is 100 %, by version 2 it is 0 %."""
    world = World()
    world.plan("K06", since="2025-01-01")
    for month in ("2025-04", "2025-05"):
        world.call(month, f"{month}-10", disposition="remained_in_community")
    arrests = {"kind": "share", "numerator": {"op": "eq", "column": "disposition", "value": "arrest"}}
    world.define("K06", since="2025-06-01", version=2, measure=arrests)
    return world


def shown(world: World, now: str) -> tuple[Any, ...]:
    """(version, period, value) of the line on the scorecard, which is the KPI page's line too."""
    world.refresh(now)
    with world.reading() as connection:
        found = scorecard(connection, AsOf(us(now)))
        (line,) = found.plans[0].goals[0].objectives[0].lines
        assert line.cell == kpi_line(connection, "K06", AsOf(us(now))).cell
    return line.cell.version, line.cell.period, line.cell.value


def test_a_month_is_not_judged_by_a_version_that_came_after_it(world: World) -> None:
    assert (1, "2025-05", 100) == shown(world, "2025-06-15")


def test_the_first_month_of_a_version_is_judged_by_it_and_shows_no_month_before(world: World) -> None:
    # June holds no call: it has no data by version 2, and April and May are not shown by a version not theirs.
    assert (2, "2025-06", None) == shown(world, "2025-07-15")


def test_cells_and_explanations_without_a_version_are_those_of_the_periods_version(world: World) -> None:
    now = "2025-06-15"
    assert (1, 100) == (world.cell("K06", "2025-05", now=now).version, world.cell("K06", "2025-05", now=now).value)
    assert 1 == world.explain("K06", "2025-05", now=now).cell.version
    assert 2 == world.explain("K06", "2025-06", now=now).cell.version
    assert 2 == world.explain("K06", "all", now=now).cell.version
    assert 2 == world.explain("K06", "2025-05", now=now, version=2).cell.version


def version_of(world: World, period: str, now: str = "2026-02-01") -> int:
    world.apply()
    with world.reading() as connection:
        found = Definitions.load(connection).of_period("K06", period, us(now), world.zone)
    assert found is not None
    return found.body.version


def test_a_version_that_takes_effect_within_a_period_judges_the_next_one(world: World) -> None:
    assert [1, 1, 2, 2] == [version_of(world, period) for period in ("2025-Q2", "2025", "2025-06", "2025-Q3")]


def test_a_kpi_that_first_takes_effect_within_a_period_judges_it() -> None:
    world = World()
    world.plan("K06", since="2025-03-10", version=1)
    world.define("K06", since="2025-03-20", version=2)
    assert [1, 2] == [version_of(world, period) for period in ("2025-03", "2025-04")]


def retire(world: World, time: str | None, **more: Any) -> None:
    world.say("kpi.retired", {"plan": "p1", "kpi": "K06", **more}, time)


def test_a_kpi_is_on_the_scorecard_until_the_moment_it_is_retired() -> None:
    world = World()
    world.plan("K06", since="2025-01-01")
    world.call("a", "2025-05-10", disposition="remained_in_community")
    retire(world, "2027-01-01")
    assert (1, "2025-05", 100) == shown(world, "2025-06-15")
    with pytest.raises(ValueError):
        shown(world, "2027-02-01")


def test_a_retirement_that_is_not_dated_holds_at_every_moment() -> None:
    world = World()
    world.plan("K06", since="2025-01-01")
    retire(world, None)
    with pytest.raises(ValueError):
        shown(world, "2025-06-15")


def test_a_version_retired_later_still_judges_the_periods_before(world: World) -> None:
    retire(world, "2025-09-15", version=2)
    assert [2, 1] == [version_of(world, period) for period in ("2025-08", "2025-10")]
