"""Quality by hand: each rule with a record that keeps it and one that breaks it, the scores, and what stands out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import sqrt
from typing import Any

import pytest

from projections.kpi import Cell
from projections.kpi.conditions import walk
from projections.kpi.populations import POPULATIONS, columns_of
from projections.quality import RULES, checked, flags, modified_z_scores, outliers, scores, z_scores
from tests.projections.kpi_world import ZONE, World, us

CLOSED = {"disposition": "remained_in_community"}


def found_by(world: World, rule: str, moment: str = "2025-06-01") -> tuple[int, int]:
    """(checked, broken) of a rule over all agencies."""
    with world.reading() as connection:
        lines = [line for line in checked(connection, us(moment)) if line.rule.name == rule]
    return sum(line.checked for line in lines), sum(line.broken for line in lines)


def call(world: World, name: str, **steps: str | None) -> None:
    """Steps by event type with underscores, such as ``call_received="2025-01-01T10:00:00Z"``."""
    for step, time in steps.items():
        noun, _, verb = step.partition("_")
        data: dict[str, Any] = {"call": name}
        if step == "response_dispatched" or step == "response_arrived":
            data["team"] = "civilian"
        if step == "encounter_closed":
            data |= CLOSED
        if step == "call_triaged":
            data["eligibility"] = "eligible"
        world.say(f"{noun}.{verb}", data, time)


NINE, TEN, ELEVEN = "2025-01-01T09:00:00Z", "2025-01-01T10:00:00Z", "2025-01-01T11:00:00Z"

CALLS: dict[str, tuple[dict[str, str | None], dict[str, str | None]]] = {
    "call_undated": ({"call_received": TEN}, {"call_received": None}),
    "call_not_triaged": ({"call_received": TEN, "call_triaged": TEN}, {"call_received": TEN}),
    "encounter_without_disposition": ({"encounter_engaged": NINE, "encounter_closed": TEN}, {"encounter_engaged": TEN}),
    "arrival_before_call": (
        {"call_received": TEN, "response_arrived": ELEVEN},
        {"call_received": TEN, "response_arrived": NINE},
    ),
    "arrival_before_dispatch": (
        {"response_dispatched": TEN, "response_arrived": TEN},
        {"response_dispatched": TEN, "response_arrived": NINE},
    ),
    "engaged_before_arrival": (
        {"response_arrived": TEN, "encounter_engaged": ELEVEN},
        {"response_arrived": TEN, "encounter_engaged": NINE},
    ),
    "closed_before_engaged": (
        {"encounter_engaged": TEN, "encounter_closed": ELEVEN},
        {"encounter_engaged": TEN, "encounter_closed": NINE},
    ),
}


@pytest.mark.parametrize("rule", CALLS)
def test_a_rule_about_calls_finds_the_one_that_breaks_it_and_no_other(rule: str) -> None:
    keeps, breaks = CALLS[rule]
    world = World()
    call(world, "kept", **keeps)
    call(world, "broken", **breaks)
    world.apply()
    assert (2, 1) == found_by(world, rule)
    with world.reading() as connection:
        (line,) = [one for one in checked(connection, us("2025-06-01")) if one.rule.name == rule and one.broken]
    assert ("call/broken",) == line.examples


REFERRALS: dict[str, tuple[list[tuple[str, str | None]], list[tuple[str, str | None]]]] = {
    "referral_undated": ([("requested", TEN)], [("requested", None)]),
    "accepted_before_requested": (
        [("requested", TEN), ("accepted", ELEVEN)],
        [("requested", TEN), ("accepted", NINE)],
    ),
    "ended_before_requested": ([("requested", TEN), ("completed", TEN)], [("requested", TEN), ("completed", NINE)]),
    "accepted_and_declined": (
        [("requested", TEN), ("accepted", ELEVEN)],
        [("requested", TEN), ("accepted", ELEVEN), ("declined", ELEVEN)],
    ),
    "completed_and_failed": (
        [("requested", TEN), ("completed", ELEVEN)],
        [("requested", TEN), ("completed", ELEVEN), ("failed", ELEVEN)],
    ),
}
MORE = {
    "requested": {"requester": "county", "target": "harbor", "need": "housing"},
    "declined": {"reason": "other"},
    "completed": {"outcome": "got_help"},
    "failed": {"reason": "other"},
}


@pytest.mark.parametrize("rule", REFERRALS)
def test_a_rule_about_referrals_finds_the_one_that_breaks_it_and_no_other(rule: str) -> None:
    world = World()
    for name, steps in zip(("kept", "broken"), REFERRALS[rule], strict=True):
        for verb, time in steps:
            world.say(f"referral.{verb}", {"referral": name, **MORE.get(verb, {})}, time)
    world.apply()
    n, wrong = found_by(world, rule)
    assert 1 == wrong
    assert 1 <= n <= 2


def test_a_service_without_a_day_is_incomplete() -> None:
    world = World()
    world.say("service.delivered", {"delivery": "d-1", "service": "x", "units": 1}, TEN)
    world.say("service.delivered", {"delivery": "d-2", "service": "x", "units": 1}, None)
    world.apply()
    assert (2, 1) == found_by(world, "service_undated")


def test_an_open_encounter_has_seven_days_before_it_is_incomplete() -> None:
    world = World()
    call(world, "c-1", encounter_engaged=TEN)
    world.apply()
    assert (0, 0) == found_by(world, "encounter_without_disposition", "2025-01-08T09:59:59Z")
    assert (1, 1) == found_by(world, "encounter_without_disposition", "2025-01-08T10:00:00Z")


def test_every_rule_has_a_record_that_breaks_it_here() -> None:
    assert {rule.name for rule in RULES} == {*CALLS, *REFERRALS, "service_undated"}


def test_every_rule_names_columns_there_are() -> None:
    for rule in RULES:
        for condition in (rule.about, rule.broken):
            columns = columns_of(POPULATIONS[rule.population])
            named = {getattr(part, "column", None) for _, part in walk(condition, "")} - {None}
            assert named <= set(columns), rule.name


def test_the_scores_are_shares_of_checks_that_held() -> None:
    world = World()
    for number in range(4):  # four calls, all triaged; one undated
        call(world, f"c-{number}", call_received=TEN if number else None, call_triaged=TEN)
    world.apply()
    with world.reading() as connection:
        lines = checked(connection, us("2025-06-01"))
        found = scores(connection, us("2025-06-01"), ZONE, lines, rejected={"lakeside": 2})
    told = {one.dimension: one for one in found if one.agency == "lakeside"}
    # call_undated: 4 checked, 3 held; call_not_triaged: 4 of 4. 7 of 8 is 87.5 %.
    assert (8, 7, 87.5) == (told["complete"].checked, told["complete"].held, told["complete"].share)
    # Eight statements were recorded and two refused: 8 of 10.
    assert (10, 8, 80.0) == (told["correct"].checked, told["correct"].held, told["correct"].share)
    # No rule of consistency was about any of them: none, and not 100 %.
    assert (0, None) == (told["consistent"].checked, told["consistent"].share)


def test_a_doubt_stands_until_it_is_resolved() -> None:
    world = World()
    world.say("dataquality.flagged", {"flag": "f-1", "rule": "odd_value", "severity": "warning"}, "2025-01-10")
    world.say("dataquality.resolved", {"flag": "f-1"}, "2025-02-10")
    world.apply()
    with world.reading() as connection:
        assert [] == flags(connection, us("2025-01-09"))
        assert [False] == [one.resolved for one in flags(connection, us("2025-01-11"))]
        assert [True] == [one.resolved for one in flags(connection, us("2025-02-11"))]


# Values that stand out


def test_z_scores_by_hand() -> None:
    # 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sample variance 32 / 7.
    values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]
    assert pytest.approx(-3 / sqrt(32 / 7)) == z_scores(values)[0]
    assert pytest.approx(4 / sqrt(32 / 7)) == z_scores(values)[-1]
    assert [0.0, 0.0] == z_scores([3.0, 3.0])


def test_modified_z_scores_by_hand() -> None:
    # 1, 2, 3, 4, 100: median 3, absolute deviations 2, 1, 0, 1, 97 with median 1.
    assert pytest.approx([-1.349, -0.6745, 0, 0.6745, 65.4265]) == modified_z_scores([1.0, 2.0, 3.0, 4.0, 100.0])
    # 5, 5, 5, 5, 9: the median deviation is 0, the mean deviation 0.8.
    assert pytest.approx(4 / (1.253314 * 0.8)) == modified_z_scores([5.0, 5.0, 5.0, 5.0, 9.0])[-1]
    assert [0.0, 0.0] == modified_z_scores([3.0, 3.0])


def cell(period: str, value: float | None, group: str = "all") -> Cell:
    return Cell("K06", 1, period, group, "percent", None if value is None else Decimal(str(value)), 1, 1, "no_target")


def test_a_value_that_leaps_is_found_and_a_steady_series_is_not() -> None:
    steady = [cell(f"2025-{month:02d}", 80 + month % 3) for month in range(1, 13)]
    assert [] == outliers(steady, {"K06": "month"})
    leaping = [*steady[:-1], cell("2025-12", 30)]
    (found,) = outliers(leaping, {"K06": "month"})
    assert ("2025-12", 12) == (found.cell.period, found.n)


def test_periods_of_another_grain_or_group_and_short_series_are_not_compared() -> None:
    months = [cell(f"2025-{month:02d}", 80 + month % 3) for month in range(1, 13)]
    apart = [cell("2025", 10), cell("2025-Q1", 10), cell("all", 10), cell("2025-03", 10, "agency:x")]
    assert [] == outliers([*months, *apart], {"K06": "month"})
    assert [] == outliers([cell("2025-01", 10), *months[1:7]], {"K06": "month"})
    gaps = [replace(one, value=None) for one in months[:6]]
    assert [] == outliers([*gaps, *months[6:11], cell("2025-12", 10)], {"K06": "month"})
