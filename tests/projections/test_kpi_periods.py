"""Periods contain what their names say, in the partnership's time zone; arithmetic is exact and rounded
once."""

from __future__ import annotations

import random
import statistics
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.faults import Fault
from projections.kpi import periods
from projections.kpi.partials import Partial, Reported, merge
from projections.kpi.rounding import apportion, half_even, percentile
from tests.projections.kpi_world import us


def test_a_month_counts_in_its_quarter_its_year_and_all() -> None:
    assert periods.containing("2025-03") == ("2025-03", "2025-Q1", "2025", "all")
    assert periods.containing("") == ("all",)
    assert periods.containing("2025-13") == ()


def test_a_period_contains_its_months_and_knows_its_neighbours() -> None:
    assert periods.months_of("2025-Q4") == ("2025-10", "2025-11", "2025-12")
    assert periods.previous("2025-02", 3) == ("2024-12", "2025-01", "2025-02")
    assert periods.previous("2025-Q1", 2) == ("2024-Q4", "2025-Q1")
    assert periods.shift("2025", 1) == "2026"
    assert [periods.label(period) for period in ("2025-03", "2025-Q1", "2025", "all")] == [
        "March 2025",
        "Q1 2025",
        "2025",
        "all time",
    ]


@pytest.mark.parametrize("text", ["2025-3", "2025-00", "2025-Q5", "25", "", "All", "2025-W01"])
def test_what_is_not_a_period_is_refused(text: str) -> None:
    assert not periods.is_period(text)
    with pytest.raises(ValueError, match="is not a period"):
        periods.grain_of(text)


def test_the_running_period_is_that_of_the_zone_not_of_utc() -> None:
    turn = us("2025-01-01T05:00:00Z")
    assert tuple(periods.current(turn, zone, "month") for zone in ("UTC", "America/Los_Angeles")) == (
        "2025-01",
        "2024-12",
    )
    assert tuple(periods.latest_complete(turn, zone, "quarter") for zone in ("UTC", "America/Los_Angeles")) == (
        "2024-Q4",
        "2024-Q3",
    )


def test_a_months_ends_follow_daylight_saving() -> None:
    start, end = periods.bounds_us("2025-03", "America/Los_Angeles") or (0, 0)
    assert (us("2025-03-01T08:00:00Z"), us("2025-04-01T07:00:00Z")) == (start, end)


@given(st.lists(st.integers(-5_000, 50_000), min_size=1, max_size=60), st.integers(0, 100))
def test_the_percentile_is_numpys_linear_one(values: list[int], at: int) -> None:
    histogram = {value: values.count(value) for value in set(values)}
    found = percentile(histogram, at)
    assert found is not None
    assert float(found) == pytest.approx(float(np.percentile(values, at, method="linear")), abs=1e-6)


def test_the_median_of_an_even_number_lies_halfway_and_of_none_is_none() -> None:
    values = [random.Random(7).randrange(1000) for _ in range(10)]
    histogram = {value: values.count(value) for value in set(values)}
    assert Fraction(statistics.median(values)) == percentile(histogram, 50)
    assert percentile({}, 50) is None


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=8), st.integers(0, 3))
def test_shares_sum_to_exactly_a_hundred_and_stay_within_a_digit(counts: list[int], digits: int) -> None:
    shares = apportion(counts, digits)
    total = sum(counts)
    if total == 0:
        assert shares is None
        return
    assert shares is not None
    assert Decimal(100) == sum(shares)
    for count, share in zip(counts, shares, strict=True):
        assert abs(Fraction(share) - Fraction(100 * count, total)) < Fraction(1, 10**digits)


def test_control_rounding_each_share_by_itself_does_not_sum_to_a_hundred() -> None:
    """Negative control: this is what the largest remainder is for."""
    assert Decimal("99.9") == sum(half_even(Fraction(100, 3), 1) for _ in range(3))
    assert [Decimal("33.4"), Decimal("33.3"), Decimal("33.3")] == apportion([1, 1, 1], 1)


@pytest.mark.parametrize(
    ("expected", "value", "digits"),
    [("0.2", "0.25", 1), ("0.4", "0.35", 1), ("0.3", "0.251", 1), ("2", "2.5", 0), ("-0.2", "-0.25", 1)],
)
def test_ties_go_to_the_even_digit(expected: str, value: str, digits: int) -> None:
    assert Decimal(expected) == half_even(Fraction(value), digits)


partials = st.builds(
    Partial,
    st.integers(0, 9),
    st.integers(0, 9),
    st.dictionaries(st.sampled_from("ab"), st.integers(1, 5)),
    st.dictionaries(st.sampled_from("cd"), st.integers(1, 5)),
    st.dictionaries(st.integers(-3, 3), st.integers(1, 5)),
    st.none() | st.builds(Reported, st.sampled_from(["1", "2.5"])),
    st.none() | st.integers(0, 9),
)


@given(st.lists(partials, max_size=5), st.randoms(use_true_random=False))
def test_partials_merge_in_any_order_and_grouping(some: list[Partial], chance: random.Random) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    cut = chance.randint(0, len(some))
    assert merge(some) == merge(shuffled)
    assert merge(some) == merge([merge(some[:cut]), merge(some[cut:])])


@given(partials)
def test_a_partial_survives_being_kept(partial: Partial) -> None:
    assert partial == Partial.from_text(partial.to_text())


@pytest.mark.parametrize("text", ["2025", "2025-Q1", "2025-03", "all"])
def test_a_period_that_may_be_asked_about_is_given_back(text: str) -> None:
    assert text == periods.known_period(text)


@pytest.mark.parametrize("text", ["", "March", "2025-13", "2025-Q5", "1800", "2025-03-01", "9" * 99])
def test_what_is_no_period_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(Fault) as refused:
        periods.known_period(text)
    assert "period_invalid" == refused.value.problem.code
    assert len(refused.value.problem.detail) < 100
