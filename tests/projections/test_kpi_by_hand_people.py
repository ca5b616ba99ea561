"""Every KPI about people and staff, worked out by hand: counted, empty, censored and corrected.

Moments are noon UTC of their day, in Los Angeles the same local day; ``numbers`` are value, numerator, denominator and
what was left out.
"""

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


# K26 diversion uptake: diversions accepted / arrests whose charge may be diverted; one without an answer counts as not
# diverted once 30 days have passed.


def arrest(world: World, name: str, day: str | None, *steps: str, divertible: bool = True) -> None:
    """An arrest and what came of its diversion: ``offered``, ``accepted``, ``declined``, each on 20 March."""
    made = {"arrest": name, "charge_class": "misdemeanor", "divertible": divertible}
    world.say("arrest.made", made, day, agency="metro-police")
    for step in steps:
        more = {"program": "lead"} if step == "offered" else {}
        world.say(f"diversion.{step}", {"arrest": name, **more}, "2025-03-20")


def test_k26_counted(world: World) -> None:
    arrest(world, "a", "2025-03-05", "offered", "accepted")
    arrest(world, "b", "2025-03-05", "offered", "declined")
    arrest(world, "c", "2025-03-05", "offered")  # never answered: 30 days have passed
    arrest(world, "d", "2025-03-05")  # never offered: 30 days have passed
    arrest(world, "e", "2025-03-05", "offered", "accepted", divertible=False)  # not what it is about
    world.say("diversion.accepted", {"arrest": "f"}, "2025-03-20")  # no arrest is recorded: undated, in no quarter
    cell = world.cell("K26", "2025-Q1", now=NOW)
    # a of a, b, c, d; three of the four were offered one.
    assert (25, 1, 4, {}) == numbers(cell)
    assert {"offered": 75} == cell.to_json()["also"]
    assert (25, 1, 4, {"no_arrest": 1}) == numbers(world.cell("K26", "all", now=NOW))


def test_k26_empty(world: World) -> None:
    arrest(world, "a", "2025-03-05", divertible=False)
    assert world.cell("K26", "2025-Q1", now=NOW).value is None


def test_k26_censored(world: World) -> None:
    arrest(world, "a", "2025-03-05T12:00:00Z", "offered", "accepted")
    arrest(world, "b", "2025-03-05T12:00:00Z", "offered")
    arrest(world, "c", None, "offered")  # nobody knows since when it has gone unanswered
    early = world.cell("K26", "2025-Q1", now="2025-04-04T11:59:59Z")
    assert (100, 1, 1, {"answer_open": 1}) == numbers(early)
    assert (50, 1, 2, {}) == numbers(world.cell("K26", "2025-Q1", now="2025-04-04T12:00:00Z"))
    assert {"no_arrest_time": 1} == numbers(world.cell("K26", "all", now=NOW))[3]


def test_k26_corrected(world: World) -> None:
    arrest(world, "a", "2025-03-05", "offered", "accepted")
    assert (100, 1, 1, {}) == numbers(world.cell("K26", "2025-Q1", now=NOW))
    world.void(world.log.events[-1].id)
    assert (0, 0, 1, {}) == numbers(world.cell("K26", "2025-Q1", now=NOW))
