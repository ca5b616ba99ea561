"""Every KPI about money, worked out by hand: counted, empty, censored and corrected. Amounts are in cents."""

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


def move(world: World, name: str, stage: str, day: str, amount: int, provider: str | None = None, **more: str) -> str:
    body = {"transaction": name, "funding": "grant", "amount_minor": amount, "currency": "USD", **more}
    return world.say(f"funding.{stage}", body if provider is None else {**body, "provider": provider}, day)


# K40 committed money disbursed: disbursed / committed, in percent.


def test_k40_counted(world: World) -> None:
    move(world, "a", "committed", "2025-01-10", 60_000)
    move(world, "b", "committed", "2025-02-10", 40_000)
    move(world, "c", "disbursed", "2025-02-20", 25_000)
    move(world, "d", "disbursed", "2025-03-20", 10_000)
    move(world, "e", "pledged", "2025-03-20", 99_000)  # neither
    move(world, "f", "disbursed", "2025-03-20", 77_000, currency="EUR")  # never converted
    move(world, "g", "committed", "2025-04-10", 50_000)  # the next quarter
    # 35,000 of 100,000.
    value, top, below, left_out = numbers(world.cell("K40", "2025-Q1", now=NOW))
    assert (35, 35_000, 100_000, {"other_currency": 1}) == (value, top, below, left_out)


def test_k40_empty(world: World) -> None:
    move(world, "a", "disbursed", "2025-02-20", 25_000)
    assert world.cell("K40", "2025-Q1", now=NOW).value is None  # nothing was committed


def test_k40_censored(world: World) -> None:
    # Each transaction counts when it happens, so a later disbursement exceeds what its own quarter committed.
    move(world, "a", "committed", "2025-01-10", 10_000)
    move(world, "b", "committed", "2025-04-10", 1_000)
    move(world, "c", "disbursed", "2025-04-20", 5_000)
    assert [0, 500] == [world.cell("K40", quarter, now=NOW).value for quarter in ("2025-Q1", "2025-Q2")]


def test_k40_corrected(world: World) -> None:
    move(world, "a", "committed", "2025-01-10", 10_000)
    wrong = move(world, "b", "disbursed", "2025-01-20", 9_000)
    assert 90 == world.cell("K40", "2025-Q1", now=NOW).value
    body = {"transaction": "b", "funding": "grant", "amount_minor": 900, "currency": "USD"}
    world.say("funding.disbursed", body, "2025-01-20", supersedes=wrong)
    assert 9 == world.cell("K40", "2025-Q1", now=NOW).value


# K40R months of runway: disbursed and not yet spent by the end of the period / spent a month in the last three.


def test_k40r_counted(world: World) -> None:
    move(world, "a", "disbursed", "2024-06-10", 100_000)
    move(world, "b", "spent", "2024-12-10", 10_000)  # spent, and before the three months
    move(world, "c", "spent", "2025-01-10", 20_000)
    move(world, "d", "spent", "2025-03-10", 10_000)
    move(world, "e", "spent", "2025-04-10", 50_000)  # later
    # At the end of March 100,000 - 40,000 = 60,000 are left; 30,000 in three months are 10,000 a month: 6 months.
    assert 6 == world.cell("K40R", "2025-03", now=NOW).value
    assert 6 == world.cell("K40R", "2025-Q1", now=NOW).value


def test_k40r_empty(world: World) -> None:
    move(world, "a", "disbursed", "2024-06-10", 100_000)
    move(world, "b", "spent", "2024-12-10", 10_000)
    assert world.cell("K40R", "2025-03", now=NOW).value is None  # nothing was spent in three months


def test_k40r_censored(world: World) -> None:
    # The running month is as things stand at the reading.
    move(world, "a", "disbursed", "2025-04-10", 30_000)
    move(world, "b", "spent", "2025-06-05", 6_000)
    # On 10 June 24,000 are left at 2,000 a month; on the 21st 6,000 at 8,000 a month.
    assert 12 == world.cell("K40R", "2025-06", now=NOW).value
    move(world, "c", "spent", "2025-06-20", 18_000)
    assert 0.8 == numbers(world.cell("K40R", "2025-06", now="2025-06-21"))[0]  # 0.75, a half to the even digit


def test_k40r_corrected(world: World) -> None:
    move(world, "a", "disbursed", "2025-01-10", 40_000)
    move(world, "b", "spent", "2025-02-10", 3_000)
    wrong = move(world, "c", "spent", "2025-03-10", 27_000)
    # 10,000 left at 10,000 a month: 1. Without c 37,000 at 1,000 a month: 37.
    assert 1 == world.cell("K40R", "2025-03", now=NOW).value
    world.void(wrong)
    assert 37 == world.cell("K40R", "2025-03", now=NOW).value


# K40C concentration of funding: the sum of the squared shares of the providers in what was disbursed.


def test_k40c_counted(world: World) -> None:
    move(world, "a", "disbursed", "2025-01-10", 50_000, "county")
    move(world, "b", "disbursed", "2025-02-10", 10_000, "county")
    move(world, "c", "disbursed", "2025-02-10", 30_000, "state")
    move(world, "d", "disbursed", "2025-02-10", 10_000, "foundation")
    move(world, "e", "disbursed", "2025-02-10", 70_000)  # from whom is not said
    move(world, "f", "committed", "2025-02-10", 90_000, "state")
    cell = world.cell("K40C", "2025", now=NOW)
    # Shares 0.6, 0.3 and 0.1: 0.36 + 0.09 + 0.01 = 0.46; the largest has 60 %.
    assert (0.46, None, 100_000, {"no_provider": 1}) == numbers(cell)
    assert 60 == cell.also["largest"]


def test_k40c_empty(world: World) -> None:
    move(world, "a", "disbursed", "2025-01-10", 50_000)
    assert (None, None, 0, {"no_provider": 1}) == numbers(world.cell("K40C", "2025", now=NOW))


def test_k40c_censored(world: World) -> None:
    # Each disbursement counts in the month in which it happened: what is only promised is nobody's share yet.
    move(world, "a", "disbursed", "2025-01-10", 50_000, "county")
    move(world, "b", "pledged", "2025-01-10", 50_000, "state")
    assert 1 == world.cell("K40C", "2025", now=NOW).value
    move(world, "c", "disbursed", "2025-05-10", 50_000, "state")
    assert 0.5 == numbers(world.cell("K40C", "2025", now=NOW))[0]


def test_k40c_corrected(world: World) -> None:
    move(world, "a", "disbursed", "2025-01-10", 50_000, "county")
    wrong = move(world, "b", "disbursed", "2025-01-10", 50_000, "state")
    assert 0.5 == numbers(world.cell("K40C", "2025", now=NOW))[0]
    world.void(wrong)
    assert 1 == world.cell("K40C", "2025", now=NOW).value
