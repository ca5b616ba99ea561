"""Derived over whole columns, a function says what it says row by row; and so does the calendar."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.moments import DAY_US, local_epoch_day, local_month
from contracts.ports import NO_TIME
from projections import derived_columns
from projections.calendar import month_of
from projections.columns import Values, objects
from projections.derived_columns import derive, listed
from projections.local_days import local_days, local_months
from projections.merges import Derived, any_won, coalesce, earliest, json_text
from projections.models import MODELS

ZONE = "America/New_York"
SPRING_FORWARD_US = 1_741_503_600_000_000  # 2025-03-09T07:00:00Z, the hour the clocks change in New York
MOMENTS = st.one_of(
    st.integers(SPRING_FORWARD_US - 2 * DAY_US, SPRING_FORWARD_US + 2 * DAY_US),
    st.integers(-(10**15), 4 * 10**15),
)
FLAGS = st.sampled_from([None, 1])


def column(values: list[Any] | None, kind: str) -> Values | None:
    if values is None:
        return None
    if kind == "text":
        return objects(values, len(values))
    return np.array([NO_TIME if value is None else value for value in values], dtype=np.int64)


@st.composite
def rows(draw: st.DrawFn, values: st.SearchStrategy[Any], most: int = 4) -> list[list[Any]]:
    """Columns of the same length, NULL here and there."""
    size = draw(st.integers(1, 6))
    return [draw(st.lists(st.none() | values, min_size=size, max_size=size)) for _ in range(draw(st.integers(1, most)))]


def check(function: Any, found: list[list[Any]], kind: str, zoned: bool = False) -> None:
    size = len(found[0])
    expected = [function(ZONE, *row) if zoned else function(*row) for row in zip(*found, strict=True)]
    # A column that is NULL throughout may also be one that nothing has filled.
    inputs = [None if set(values) == {None} else column(values, kind) for values in found]
    derived = Derived("made", function, tuple("abcd"[: len(found)]), zoned=zoned)
    assert expected == listed(derive(derived, inputs, size, ZONE), size)


@given(found=rows(st.text(max_size=2)))
def test_the_first_text_that_is_there(found: list[list[Any]]) -> None:
    check(coalesce, found, "text")


@given(found=rows(MOMENTS))
def test_the_first_and_the_earliest_moment(found: list[list[Any]]) -> None:
    check(coalesce, found, "integer")
    check(earliest, found, "integer")


@given(found=rows(FLAGS))
def test_whether_any_slot_was_won(found: list[list[Any]]) -> None:
    check(any_won, found, "integer")


@given(found=rows(MOMENTS, most=1))
def test_the_month_of_a_moment(found: list[list[Any]]) -> None:
    check(month_of, found, "integer", zoned=True)


@given(found=rows(MOMENTS))
def test_a_function_that_is_not_known_over_columns_is_called_row_by_row(found: list[list[Any]]) -> None:
    check(lambda *values: [value for value in values if value], found, "integer")


def test_control_a_function_that_differs_over_columns_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(derived_columns._IN_COLUMNS, coalesce, lambda inputs, zone: inputs[0])
    with pytest.raises(AssertionError):
        check(coalesce, [[None, 1], [2, 2]], "integer")


def test_every_derived_column_of_the_models_is_known_over_columns_or_cheap_by_row() -> None:
    # Calls, referrals and services are the long tables; a function unknown here would cost a call a row.
    long = [model for model in MODELS if model.name in ("calls", "referrals", "services")]
    known = set(derived_columns._IN_COLUMNS) | derived_columns.SECOND_HALVES
    assert {d.function for model in long for d in model.derived} <= known


STATED = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["a", "b"]),
            "id": st.sampled_from(["1", "2", "3"]),
            "time": st.none() | st.integers(0, 2),
            "agency": st.sampled_from(["county", "harbor"]),
            "units": st.none() | st.integers(1, 3),
        }
    ),
    min_size=1,
    max_size=3,
).map(json_text)


@pytest.mark.parametrize("function", sorted(derived_columns.SECOND_HALVES, key=lambda f: f.__name__))
@given(found=st.lists(st.tuples(st.none() | st.sampled_from(["county", "harbor"]), st.none() | STATED), min_size=1))
def test_the_other_sides_half(function: Any, found: list[tuple[Any, Any]]) -> None:
    check(function, [list(values) for values in zip(*found, strict=True)], "text")


@given(moments=st.lists(MOMENTS, max_size=20))
def test_local_days_and_months_are_those_of_each_moment(moments: list[int]) -> None:
    found = np.array(moments, dtype=np.int64)
    assert [local_epoch_day(us, ZONE) for us in moments] == local_days(found, ZONE).tolist()
    assert [local_month(us, ZONE) for us in moments] == local_months(found, ZONE).tolist()
