"""Every KPI about the community as a whole, worked out by hand: counted, empty, censored and corrected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.projections.kpi_world import World, numbers

NOW = "2025-06-10"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.store.close()


def measured(world: World, kpi: str, period: str, value: float, **more: object) -> str:
    body = {"kpi": kpi, "period": period, "value": value, "method": "as published", **more}
    return world.say("indicator.measured", body, "2025-02-01")


# P01 crime rate: as measured outside, for its own period alone.


def test_p01_counted(world: World) -> None:
    measured(world, "P01", "2024", 41.25, numerator=825, denominator=20000)
    measured(world, "P01", "2023", 39.75)
    measured(world, "P02", "2024", 18)  # another indicator
    # With one digit 41.25 is 41.2: a half goes to the even digit; so 39.75 is 39.8.
    assert (41.2, 825, 20000, {}) == numbers(world.cell("P01", "2024", now=NOW))
    assert (39.8, None, None, {}) == numbers(world.cell("P01", "2023", now=NOW))


def test_p01_empty(world: World) -> None:
    measured(world, "P01", "2024-05", 3.5)
    # Neither the year nor all time is made up from the months.
    assert [None, None, 3.5] == [
        numbers(world.cell("P01", period, now=NOW))[0] for period in ("2024", "all", "2024-05")
    ]


def test_p01_censored(world: World) -> None:
    measured(world, "P01", "2024", 41)
    assert world.cell("P01", "2025", now=NOW).value is None  # nobody has measured the running year


def test_p01_corrected(world: World) -> None:
    wrong = measured(world, "P01", "2024", 999)
    assert 999 == world.cell("P01", "2024", now=NOW).value
    right = {"kpi": "P01", "period": "2024", "value": 41, "method": "as published"}
    world.say("indicator.measured", right, "2025-02-01", supersedes=wrong)
    assert 41 == world.cell("P01", "2024", now=NOW).value
    world.void(world.log.events[-1].id)
    assert world.cell("P01", "2024", now=NOW).value is None


# P02 recidivism: as measured outside, for its own period alone.


def test_p02_counted(world: World) -> None:
    measured(world, "P02", "2024", 18.04, numerator=92, denominator=510)
    measured(world, "P01", "2024", 41)  # another indicator
    assert (18, 92, 510, {}) == numbers(world.cell("P02", "2024", now=NOW))


def test_p02_empty(world: World) -> None:
    measured(world, "P01", "2024", 41)
    assert world.cell("P02", "2024", now=NOW).value is None


def test_p02_censored(world: World) -> None:
    measured(world, "P02", "2022", 18)
    assert [18, None] == [numbers(world.cell("P02", period, now=NOW))[0] for period in ("2022", "2023")]


def test_p02_corrected(world: World) -> None:
    wrong = measured(world, "P02", "2024", 81)
    assert 81 == world.cell("P02", "2024", now=NOW).value
    world.void(wrong)
    assert world.cell("P02", "2024", now=NOW).value is None
