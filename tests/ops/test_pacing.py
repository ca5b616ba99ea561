"""Recording comes before counting, and counting comes right after: the pace of the views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ops.composition import House
from ops.pacing import REST_MAX_S, Pace

Raw = Callable[..., bytes]


class _Time:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.rests: list[float] = []

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now_s += seconds
        if self.rush is not None and self.now_s < self.rush_until_s:
            self.rush.committed()

    rush: Pace | None = None
    rush_until_s = float("inf")

    def rested(self) -> float:
        """Seconds rested since last asked."""
        total, self.rests = sum(self.rests), []
        return round(total, 3)


def _pace(time: _Time) -> Pace:
    pace = Pace(0.2, monotonic_s=lambda: time.now_s, rest=time.rest)
    pace.start()
    return pace


def _work(pace: Pace, time: _Time, seconds: float, *, rush: bool) -> None:
    pace.after_batch(10)
    time.now_s += seconds
    if rush:
        pace.committed()
    pace.before_batch()


def test_in_a_rush_the_views_rest_nineteen_times_as_long_as_they_worked_within_bounds() -> None:
    time = _Time()
    time.rush = pace = _pace(time)
    for worked_s, rested_s in ((0.01, 0.2), (0.3, 5.7), (5.0, REST_MAX_S)):
        _work(pace, time, worked_s, rush=True)
        assert time.rested() == rested_s


def test_a_rest_ends_with_the_rush() -> None:
    time = _Time()
    time.rush = pace = _pace(time)
    time.rush_until_s = time.now_s + 1.5
    _work(pace, time, 1.0, rush=True)
    assert 0.4 < time.rested() < 0.8


def test_without_a_rush_they_do_not_rest_at_all() -> None:
    time = _Time()
    pace = _pace(time)
    _work(pace, time, 0.3, rush=False)
    pace.committed()
    time.now_s += 0.2
    pace.before_batch()
    assert time.rests == []


def test_the_first_event_after_a_quiet_time_is_taken_at_once() -> None:
    time = _Time()
    pace = _pace(time)
    pace.after_batch(0)
    pace.committed()
    pace.before_batch()
    assert time.rests == []


def test_nothing_rests_before_a_thread_follows_or_after_it_was_stopped() -> None:
    time = _Time()
    pace = Pace(0.2, monotonic_s=lambda: time.now_s, rest=time.rest)
    _work(pace, time, 0.3, rush=True)
    pace.start()
    pace.stop()
    _work(pace, time, 0.3, rush=True)
    assert time.rests == []


def test_a_paced_house_still_takes_in_everything(house: House, raw: Raw) -> None:
    house.start()
    recorded: list[Any] = [house.record([raw(n) for n in range(start, start + 10)]) for start in range(0, 200, 10)]
    assert len(recorded) == 20
    assert house.runner.wait_for(200, timeout_s=20)
