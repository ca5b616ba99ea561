"""Every KPI about the community as a whole, its trust and how its groups fare, worked out by hand: counted, empty,
censored and corrected."""

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


# K44 trust in police: mean item score over questionnaires of which more than half of the items are answered.


def answer(world: World, survey: str, *scores: float | None, n: int = 1, day: str = "2025-03-05") -> str:
    items = [{"item": f"q{number}", "score": score} for number, score in enumerate(scores)]
    body = {"survey": survey, "instrument": "trust", "version": "1", "mode": "web", "n": n, "items": items}
    return world.say("survey.collected", body, day)


def test_k44_counted(world: World) -> None:
    answer(world, "a", 4, 4, None)  # two of three: 4
    answer(world, "b", 2, 3, 4)  # 3
    answer(world, "c", 5, None, None)  # one of three: not scored
    answer(world, "d", 5, None)  # one of two is not more than half
    cell = world.cell("K44", "2025", now=NOW)
    # (4 + 3) / 2 = 3.5. Sample variance of 4 and 3: 0.5; margin 1.96 * sqrt(0.5) / sqrt(2) = 0.98.
    assert (3.5, None, 2, {"not_scored": 2}) == numbers(cell)
    assert 0.98 == pytest.approx(float(cell.also["margin"] or 0), abs=0.03)


def test_k44_empty(world: World) -> None:
    answer(world, "a", None, None)
    assert (None, None, 0, {"not_scored": 1}) == numbers(world.cell("K44", "2025", now=NOW))


def test_k44_censored(world: World) -> None:
    # A report of several answers counts as often as it has answers; how they spread is not known then.
    answer(world, "a", 4, n=3)
    answer(world, "b", 2, n=1)
    cell = world.cell("K44", "2025", now=NOW)
    assert (3.5, None, 4) == numbers(cell)[:3]  # (3 * 4 + 2) / 4
    assert cell.also["margin"] is None


def test_k44_corrected(world: World) -> None:
    wrong = answer(world, "a", 40)
    assert 40 == world.cell("K44", "2025", now=NOW).value
    world.void(wrong)
    assert world.cell("K44", "2025", now=NOW).value is None


# K46 equity gap in need met: the highest share of a group less the lowest, in points; groups of fewer than 30 have no
# part in it.


def group_of(world: World, group: str | None, requested: int, met: int) -> None:
    """So many referrals of one group, of which so many got help."""
    for number in range(requested):
        named = {"referral": f"{group}-{number}"}
        request = {**named, "requester": "lakeside", "target": "harbor", "need": "housing"}
        data = request if group is None else {**request, "person_group": group}
        world.say("referral.requested", data, "2025-03-01")
        if number < met:
            world.say("referral.completed", {**named, "outcome": "got_help"}, "2025-03-09", agency="harbor")


def test_k46_counted(world: World) -> None:
    group_of(world, "north", 40, 30)  # 75 %
    group_of(world, "south", 30, 15)  # 50 %
    group_of(world, "east", 29, 0)  # too few
    group_of(world, None, 1, 1)
    cell = world.cell("K46", "2025", now=NOW)
    # 75 - 50 = 25 points; 75 / 50 = 1.5.
    assert 25 == cell.value
    assert {"highest": 75, "lowest": 50, "ratio": 1.5} == cell.to_json()["also"]
    assert {"below_minimum:east": 29, "group_unknown": 1} == numbers(cell)[3]
    # North's own share, 30 of 40, with its interval after Wilson at 95 %, z = 1.96: middle (0.75 + z * z / 80) /
    # (1 + z * z / 40) = 0.7281, half width z * sqrt(0.75 * 0.25 / 40 + z * z / 6400) / (1 + z * z / 40) = 0.1303.
    north = world.cell("K46", "2025", "person_group:north", now=NOW)
    assert (75, 30, 40) == numbers(north)[:3]
    assert [59.8, 85.8] == pytest.approx([float(north.also[name] or 0) for name in ("low", "high")], abs=0.06)


def test_k46_empty(world: World) -> None:
    group_of(world, "north", 30, 10)
    assert world.cell("K46", "2025", now=NOW).value is None  # one group alone has nothing to differ from


def test_k46_censored(world: World) -> None:
    # A referral still open counts as need not met yet: 10 of 30 against 0 of 30, and 10 of 30 against 1.
    group_of(world, "north", 30, 10)
    group_of(world, "south", 30, 0)
    assert 33.3 == numbers(world.cell("K46", "2025", now=NOW))[0]
    world.say("referral.completed", {"referral": "south-0", "outcome": "got_help"}, "2025-04-01", agency="harbor")
    assert 30 == numbers(world.cell("K46", "2025", now=NOW))[0]


def test_k46_corrected(world: World) -> None:
    group_of(world, "north", 30, 10)
    group_of(world, "south", 30, 1)
    assert 30 == numbers(world.cell("K46", "2025", now=NOW))[0]
    world.void(
        next(
            event.id
            for event in world.log.events
            if event.data.get("referral") == "south-0" and "need" not in event.data
        )
    )
    assert 33.3 == numbers(world.cell("K46", "2025", now=NOW))[0]


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
