"""A figure is written in one way, and a value that is missing is never written as a number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.moments import parse_us
from ops.pages import words

NOON_US = parse_us("2025-03-01T20:00:00Z")
ZONE = "America/Los_Angeles"


@pytest.mark.parametrize(
    ("expected", "value", "unit"),
    [
        ("80.1%", Decimal("80.1"), "percent"),
        ("80.0%", Decimal("80.0"), "percent"),
        ("1 minute", Decimal(1), "minutes"),
        ("30.5 minutes", Decimal("30.5"), "minutes"),
        ("0 days", Decimal(0), "days"),
        ("1,234,567", 1234567, "count"),
        ("−3.5", Decimal("-3.5"), "number"),
        ("No value", None, "percent"),
    ],
)
def test_a_value_is_written_with_its_unit(expected: str, value: Decimal | None, unit: str) -> None:
    assert expected == words.value_words(value, unit)


@pytest.mark.parametrize(
    ("expected", "target", "direction"),
    [
        ("75% or more", Decimal(75), "up"),
        ("10% or less", Decimal(10), "down"),
        ("0%", Decimal(0), "down"),
        ("50%", Decimal(50), "none"),
        ("none agreed", None, "up"),
    ],
)
def test_a_target_says_which_way_is_good(expected: str, target: Decimal | None, direction: str) -> None:
    assert expected == words.target_words(target, "percent", direction)


@pytest.mark.parametrize(
    ("expected", "short", "period"),
    [
        ("March 2025", "Mar 2025", "2025-03"),
        ("January–March 2025", "Q1 2025", "2025-Q1"),
        ("October–December 2025", "Q4 2025", "2025-Q4"),
        ("2025", "2025", "2025"),
        ("All time", "All time", "all"),
        ("2025-13", "2025-13", "2025-13"),
    ],
)
def test_a_period_is_named_as_people_name_it(expected: str, short: str, period: str) -> None:
    assert expected == words.period_words(period)
    assert short == words.period_short(period)


def test_a_moment_is_told_on_the_partnerships_clock() -> None:
    assert words.moment_words(NOON_US, ZONE) == "1 March 2025, 12:00 PST"
    assert words.moment_words(NOON_US, "UTC") == "1 March 2025, 20:00 UTC"
    assert words.stamp_words(NOON_US, ZONE) == "1 Mar 2025, 12:00"
    assert words.day_words(NOON_US, ZONE) == "1 March 2025"


def test_an_unknown_moment_is_said_to_be_unknown() -> None:
    assert words.moment_words(None, ZONE) == "moment not known"
    assert words.stamp_words(None, ZONE) == "not known"
    assert words.day_words(None, ZONE) == "unknown"


@pytest.mark.parametrize(
    ("expected", "group"),
    [
        ("Whole partnership", "all"),
        ("North: East", "agency:North: East"),
        ("Eligibility: not triaged", "eligibility:not_triaged"),
    ],
)
def test_a_group_is_named_in_words(expected: str, group: str) -> None:
    assert expected == words.group_words(group)


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [words.listed(("a", "b", "c")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
