"""Business days are counted as a person would count them on a calendar, day by day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.moments import day_end_us, local_day, parse_us
from projections.obligations.workdays import HOUR_US, UNITS, Workdays, due_us

ZONE = "America/Los_Angeles"
FIRST = date(2025, 1, 1)


def counted(workdays: Workdays, day: date, n: int) -> date:
    """The naive model: one day after the other."""
    while n:
        day += timedelta(days=1)
        n -= workdays.is_workday(day)
    return day


days = st.integers(0, 800).map(lambda n: FIRST + timedelta(days=n))
calendars = st.builds(
    Workdays,
    st.frozensets(st.integers(1, 7), min_size=1),
    st.frozensets(st.integers(0, 1_000).map(lambda n: FIRST + timedelta(days=n)), max_size=40),
)


@given(calendars, days, st.integers(1, 60))
def test_counting_in_weeks_is_counting_day_by_day(workdays: Workdays, day: date, n: int) -> None:
    assert counted(workdays, day, n) == workdays.after(day, n)


def test_a_long_run_of_holidays_is_passed_over() -> None:
    closed = frozenset(FIRST + timedelta(days=n) for n in range(300))
    workdays = Workdays(frozenset({1, 2, 3, 4, 5}), closed)
    assert counted(workdays, FIRST, 3) == workdays.after(FIRST, 3)


def test_control_a_calendar_that_forgets_its_holidays_is_noticed() -> None:
    forgetful = Workdays()
    assert counted(Workdays(holidays=frozenset({date(2025, 7, 4)})), date(2025, 7, 3), 1) != forgetful.after(
        date(2025, 7, 3), 1
    )


@pytest.mark.parametrize(
    ("asked", "n", "due"),
    [
        ("2025-07-01", 1, "2025-07-02"),  # Tuesday to Wednesday
        ("2025-07-03", 1, "2025-07-07"),  # Thursday over a holiday and the weekend
        ("2025-07-05", 1, "2025-07-07"),  # asked for on a Saturday: Monday is the first
        ("2025-07-06", 2, "2025-07-08"),
        ("2025-06-30", 5, "2025-07-08"),
    ],
)
def test_the_day_of_asking_is_not_counted(asked: str, n: int, due: str) -> None:
    workdays = Workdays.of([1, 2, 3, 4, 5], ["2025-07-04"])
    asked_us = parse_us(f"{asked}T16:30:00Z")
    assert day_end_us(due, ZONE) == due_us(asked_us, n, "business_days", workdays, ZONE)


def test_days_end_with_the_local_day_and_hours_are_elapsed() -> None:
    asked = parse_us("2025-03-08T23:30:00-08:00")  # the night before the clocks go forward
    assert parse_us("2025-03-10T00:00:00-07:00") - 1 == due_us(asked, 1, "days", Workdays(), ZONE)
    assert parse_us("2025-03-10T00:30:00-07:00") == due_us(asked, 24, "hours", Workdays(), ZONE)
    # The same moment is another day elsewhere, and so is the day it falls due.
    assert parse_us("2025-03-10T23:59:59.999999+09:00") == due_us(asked, 1, "days", Workdays(), "Asia/Tokyo")


zones = st.sampled_from([ZONE, "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
asked_at = st.integers(parse_us("2024-12-01T00:00:00Z"), parse_us("2026-12-01T00:00:00Z"))


@given(asked_at, st.integers(1, 30), calendars, zones)
def test_a_due_day_is_whole_and_lies_after_the_asking(asked: int, n: int, workdays: Workdays, zone: str) -> None:
    asked_day = date.fromisoformat(local_day(asked, zone))
    for unit, last in (("days", asked_day + timedelta(days=n)), ("business_days", counted(workdays, asked_day, n))):
        due = due_us(asked, n, unit, workdays, zone)  # type: ignore[arg-type]
        assert last.isoformat() == local_day(due, zone) != local_day(due + 1, zone)
    assert asked + n * HOUR_US == due_us(asked, n, "hours", workdays, zone)


@given(asked_at, st.integers(0, 10**13), st.integers(1, 30), calendars, st.sampled_from(UNITS))
def test_who_is_asked_later_is_never_due_earlier(asked: int, step: int, n: int, workdays: Workdays, unit: str) -> None:
    first, second = (due_us(at, n, unit, workdays, ZONE) for at in (asked, asked + step))  # type: ignore[arg-type]
    assert first <= second


@pytest.mark.parametrize("weekdays", [[], [0], [8], [1, 9]])
def test_a_calendar_without_a_working_day_is_none(weekdays: list[int]) -> None:
    with pytest.raises(ValueError, match="weekday"):
        Workdays.of(weekdays, [])


def test_the_longest_limit_stays_within_the_years_the_contracts_take() -> None:
    asked = parse_us("2199-01-01T00:00:00Z")
    assert day_end_us("2199-12-30", ZONE) == due_us(asked, 10_000, "business_days", Workdays(), ZONE)
