"""Readiness is judged by progress: a process that answers but stands still is not ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ops.health import RelayWatch, Vitals, Watch
from ops.settings import Settings
from streams.kafka.relay import RelayStanding

WELL = Vitals(position=10, lag_events=0, writer_alive=True, runner_alive=True, brake=False, monotonic_s=100.0)


def _watch(*readings: Vitals) -> Callable[[], tuple[bool, set[str]]]:
    left = list(readings)
    watch = Watch(Settings(ready_stall_max_s=30, ready_lag_max_events=1_000), lambda: left.pop(0))

    def look() -> tuple[bool, set[str]]:
        found = watch.look()
        return found.ready, {check.name for check in found.checks if not check.ok}

    return look


def test_a_well_house_is_ready() -> None:
    assert _watch(WELL)() == (True, set())


def test_a_dead_writer_a_dead_runner_and_a_brake_each_make_it_unready() -> None:
    assert _watch(replace(WELL, writer_alive=False))() == (False, {"writer"})
    assert _watch(replace(WELL, runner_alive=False))() == (False, {"runner"})
    assert _watch(replace(WELL, brake=True))() == (False, {"brake"})


def test_a_position_that_stands_still_while_events_wait_makes_it_unready() -> None:
    waiting = replace(WELL, lag_events=5)
    look = _watch(waiting, replace(waiting, monotonic_s=129.0), replace(waiting, monotonic_s=131.0))
    assert look() == (True, set())
    assert look() == (True, set())
    assert look() == (False, {"progress"})


def test_a_position_that_moves_or_has_nothing_to_do_stays_ready() -> None:
    waiting = replace(WELL, lag_events=5)
    moving = _watch(waiting, replace(waiting, position=11, monotonic_s=131.0))
    assert [moving(), moving()] == [(True, set()), (True, set())]
    idle = _watch(WELL, replace(WELL, monotonic_s=10_000.0))
    assert [idle(), idle()] == [(True, set()), (True, set())]


def test_an_idle_night_does_not_count_as_standing_still_when_the_first_event_comes() -> None:
    look = _watch(WELL, replace(WELL, monotonic_s=9_000.0), replace(WELL, lag_events=1, monotonic_s=9_001.0))
    assert [look(), look(), look()] == [(True, set())] * 3


def test_an_event_recorded_far_ahead_of_the_clock_makes_it_unready() -> None:
    assert _watch(replace(WELL, head_ahead_s=300.0))() == (True, set())
    assert _watch(replace(WELL, head_ahead_s=301.0))() == (False, {"clock"})


def test_too_much_lag_makes_it_unready_though_it_moves() -> None:
    assert _watch(replace(WELL, lag_events=1_001))() == (False, {"lag"})


def test_where_workers_apply_events_their_standing_still_does_not_stop_the_intake() -> None:
    behind = replace(WELL, lag_events=5_000, brake=True, follows=False)
    look = _watch(behind, replace(behind, monotonic_s=1_000.0))
    assert look() == (True, set())
    assert look() == (True, set())
    assert _watch(replace(behind, follows=True))() == (False, {"lag", "brake"})  # control
    assert _watch(replace(behind, writer_alive=False))() == (False, {"writer"})


def test_a_relay_is_well_while_it_sends_or_stands_by_and_not_while_it_stands_still_or_something_is_away() -> None:
    def look(*readings: tuple[RelayStanding, float]) -> list[bool]:
        now = list(readings)
        watch = RelayWatch(Settings(ready_stall_max_s=30), lambda: now[0][0], lambda: now[0][1])
        found = []
        while now:
            found.append(watch.look().ready)
            now.pop(0)
        return found

    sending = RelayStanding("sending", 5, 9, 0, 1, None)
    standing_by = replace(sending, state="waiting")
    assert [True, True, False] == look((sending, 0.0), (sending, 29.0), (sending, 31.0))
    assert [True, True] == look((sending, 0.0), (replace(sending, position=6), 31.0))
    assert [True, True] == look((standing_by, 0.0), (standing_by, 1_000.0))
    assert [False] == look((replace(sending, state="broker_away", error="at kafka://b"), 0.0))
    assert [False] == look((replace(sending, state="database_away"), 0.0))
