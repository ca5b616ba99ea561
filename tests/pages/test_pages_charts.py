"""A chart says in words what it shows, draws nothing where nothing is known, and keeps to its frame."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.pages.charts import sparkline, trend_chart, trend_words
from projections.kpi.shapes import TrendPoint
from tests.pages.reading_html import parse


def points(*values: str | None, target: str | None = "75", running: bool = False) -> list[TrendPoint]:
    """A trend of these values, a month each."""
    return [
        TrendPoint(
            f"2025-{month:02d}",
            "",
            None if value is None else Decimal(value),
            None if target is None else Decimal(target),
            "watch",
            not (running and month == len(values)),
        )
        for month, value in enumerate(values, 1)
    ]


def test_the_words_tell_ends_extremes_target_and_gaps() -> None:
    assert (
        trend_words(points("70", None, "60.5", "80"), "percent")
        == "From 70% in January 2025 to 80% in April 2025; lowest 60.5% in March 2025, highest 80% in April 2025. "
        "Target 75%. 1 period has no value."
    )


def test_the_words_say_that_a_period_is_still_running() -> None:
    assert trend_words(points("70", "71", target=None, running=True), "percent").endswith(
        "The last period is not over yet."
    )


def test_no_value_is_no_trend() -> None:
    assert trend_words(points(None, None), "percent") == "No trend: there is no period with a value."
    assert "<svg" not in sparkline(points(None), "percent")
    assert "<svg" not in trend_chart(points(None), "percent", "k")
    assert "<svg" not in sparkline([], "percent")


def test_a_gap_breaks_the_line() -> None:
    whole = parse(sparkline(points("1", "2", "3", "4"), "count")).all("line", "trend")
    broken = parse(sparkline(points("1", None, "3", "4"), "count")).all("line", "trend")
    assert len(whole) == 3
    assert len(broken) == 1


def test_a_running_period_is_drawn_apart() -> None:
    drawn = parse(trend_chart(points("1", "2", running=True), "count", "k"))
    assert len(drawn.all("circle", "running")) == 2  # once in the wide and once in the narrow drawing
    assert not parse(trend_chart(points("1", "2"), "count", "k")).all("circle", "running")


def test_a_changed_target_is_a_step() -> None:
    stepped = [*points("1", "2", target="5"), *points("1", "2", target="6")]
    assert len(parse(sparkline(stepped, "count")).all("line", "goal-line")) == 2


@given(
    st.lists(st.none() | st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=13),
    st.none() | st.decimals(-(10**9), 10**9, places=2),
    st.sampled_from(["percent", "minutes", "count", "number"]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_values_the_drawing_stays_in_its_frame(
    values: list[Decimal | None], target: Decimal | None, unit: str
) -> None:
    drawn = points(*(None if v is None else str(v) for v in values), target=None if target is None else str(target))
    for svg in parse(str(sparkline(drawn, unit)) + str(trend_chart(drawn, unit, "k"))).all("svg"):
        _, _, width, height = (float(n) for n in svg.attributes["viewbox"].split())
        assert svg.attributes["role"] == "img"
        for shape in svg:
            for name, number in shape.attributes.items():
                if re.fullmatch("c?[xy][12]?", name):
                    assert -1 <= float(number) <= (width if "x" in name else height) + 1, (shape.name, name, number)


@pytest.mark.parametrize("value", ["0", "0.5", "100", "1e9"])
def test_a_single_value_is_a_point(value: str) -> None:
    assert len(parse(sparkline(points(value), "count")).all("circle")) == 1
