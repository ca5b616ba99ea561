"""A share that people read is rounded in one way, and is whole or nothing only where it is wholly so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.feeds import Delays
from projections.feeds.delays import BUCKETS
from projections.followup import FollowThrough
from projections.kpi.rounding import share_of
from projections.quality import Score


def entered(part: int, of: int) -> float | None:
    """Of dated statements, those entered within three days; undated ones are no part of it."""
    first, second = part // 2, part - part // 2
    counts = dict.fromkeys(BUCKETS, 0) | {"0": first, "1-3": second, "11+": of - part, "undated": 17}
    return Delays("harbor", counts).within_three_days


def followed(part: int, of: int) -> float | None:
    return FollowThrough(due=of, in_time=part, late=0, overdue=of - part, open=9).share


def held(part: int, of: int) -> float | None:
    return Score("harbor", "complete", of, part).share


Share = Callable[[int, int], float | None]
EDGES = [
    (0, 0, None),
    (1999, 2000, 99.9),  # 99.95 is no 100
    (999_999, 1_000_000, 99.9),
    (2000, 2000, 100.0),
    (1, 5000, 0.1),
    (1, 2000, 0.1),  # 0.05 is no 0
    (0, 5000, 0.0),
    (7, 8, 87.5),
    (1, 3, 33.3),
    (1, 16, 6.2),  # 6.25, a tie, goes to the even digit
    (3, 16, 18.8),  # 18.75 as well
    (3, 2000, 0.2),  # 0.15, which as a float lies below the tie
    (2001, 4000, 50.0),
]


@pytest.mark.parametrize(("part", "of", "expected"), EDGES)
@pytest.mark.parametrize("share", [share_of, entered, followed, held])
def test_a_share_is_the_same_wherever_it_is_read(share: Share, part: int, of: int, expected: float | None) -> None:
    assert expected == share(part, of)


@given(st.integers(1, 10**9).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_a_share_is_all_or_nothing_only_where_it_is(of: tuple[int, int]) -> None:
    part, total = of
    found = share_of(part, total)
    assert found is not None
    assert ((part == total), (part == 0)) == (found == 100, found == 0)
    assert abs(found - 100 * part / total) <= 0.1


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_is_never_shown_as_less(of: int, one: int, other: int) -> None:
    less, more = sorted((min(one, of), min(other, of)))
    assert (share_of(less, of) or 0) <= (share_of(more, of) or 0)
