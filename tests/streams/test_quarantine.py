"""Law 9 for the line: every recorded event is applied or in quarantine, and the counts add up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.faults import UnavailableFault
from streams.feeding import Feeder
from streams.quarantine import Quarantine, Shelf
from streams.runner import Replayed, Runner
from tests.projections.fake_log import FakeLog, MemoryStore
from tests.streams.projectors import NOW_US, Diary, calls_log, diary_of


def line(log: FakeLog, store: MemoryStore, diary: Diary, **settings: Any) -> Runner:
    settings = {"clock": lambda: NOW_US, "batch_limit": 16, "sleep": lambda _: None} | settings
    return Runner(log, store, diary, **settings)


def check(events: int, subjects: int, poisoned: set[int], batch_limit: int) -> None:
    """Follows a log with poison in it, then replays it after the fix."""
    store = MemoryStore()
    log = calls_log(events, subjects)
    diary = Diary(lambda event: event.log_index in poisoned)
    runner = line(log, store, diary, batch_limit=batch_limit, brake_keys=10**6, brake_window=10**6)
    runner.catch_up()
    applied = [log_index for log_index, _ in diary_of(store)]
    parked = Quarantine(store).parked()
    bad = {event.subject for event in log.events if event.log_index in poisoned}
    first_bad = {s: min(e.log_index for e in log.events if e.log_index in poisoned and e.subject == s) for s in bad}
    expected = [e.log_index for e in log.events if e.log_index < first_bad.get(e.subject, events + 1)]
    assert expected == applied
    assert list(range(1, events + 1)) == sorted(applied + [item.log_index for item in parked])
    assert events == len(applied) + Quarantine(store).count() == runner.position()
    assert sorted(first_bad.values()) == [item.log_index for item in parked if item.error is not None]
    diary.poison = lambda event: False
    assert Replayed(len(parked), 0) == runner.replay()
    done = diary_of(store)
    assert list(range(1, events + 1)) == sorted(log_index for log_index, _ in done)
    for subject in bad:
        of_subject = [log_index for log_index, about in done if about == subject]
        assert sorted(of_subject) == of_subject
    assert Quarantine(store).count() == 0
    store.close()


@given(
    events=st.integers(1, 60),
    subjects=st.integers(1, 10),
    poisoned=st.sets(st.integers(1, 60), max_size=8),
    batch_limit=st.integers(1, 25),
)
@settings(max_examples=60, deadline=None)
def test_every_event_is_applied_or_parked_in_order_behind_its_key_and_replayed(
    events: int, subjects: int, poisoned: set[int], batch_limit: int
) -> None:
    check(events, subjects, poisoned, batch_limit)


def test_one_per_cent_of_poison_parks_its_keys_and_nothing_else() -> None:
    check(2_000, 500, set(range(50, 2_000, 100)), 200)


def test_law_nine_notices_an_event_that_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control: what waits behind a parked event is dropped instead of parked.
    def drop(self: Any, connection: Any, part: Any, held: set[str]) -> Any:
        return [event for event in part if event.subject not in held]

    monkeypatch.setattr(Feeder, "_hold_back", drop)
    with pytest.raises(AssertionError):
        check(20, 2, {3}, 5)


def test_a_parked_event_is_listed_with_its_key_identity_and_error(store: MemoryStore) -> None:
    runner = line(calls_log(6, 3), store, Diary(lambda event: event.log_index == 2))
    runner.catch_up()
    first, behind = Quarantine(store).parked(key="call/c-2")
    assert (
        first.log_index,
        first.id,
        first.type,
        first.error,
        first.attempts,
    ) == (2, "e2", "encounter.engaged", "ValueError: cannot apply e2", 1)
    assert (behind.log_index, behind.error, behind.attempts) == (5, None, 0)
    assert Quarantine(store).parked(key="call/c-1") == []


def test_a_replay_before_the_fix_keeps_the_rest_and_counts_the_attempt(store: MemoryStore) -> None:
    runner = line(calls_log(6, 3), store, Diary(lambda event: event.log_index == 5))
    runner.catch_up()
    assert Replayed(0, 1) == runner.replay("call/c-2")
    (item,) = Quarantine(store).parked()
    assert item.attempts == 2
    assert Replayed(0, 0) == runner.replay("call/unheard-of")


def test_too_many_keys_stop_the_line_and_the_position_stays(store: MemoryStore) -> None:
    diary = Diary(lambda event: event.log_index > 16 and event.log_index % 3 == 0)
    log = calls_log(64, 64)
    runner = line(log, store, diary, brake_keys=3)
    with pytest.raises(UnavailableFault) as stopped:
        runner.catch_up()
    assert stopped.value.problem.code == "projection_stopped"
    quarantine = Quarantine(store)
    assert quarantine.braked()
    assert runner.position() == 16
    assert len(diary_of(store)) + quarantine.count() == 16
    diary.poison = lambda event: False
    runner.catch_up()
    assert not quarantine.braked()
    assert list(range(1, 65)) == [log_index for log_index, _ in diary_of(store)]


def test_a_projection_that_fails_on_most_events_of_few_keys_stops_the_line(store: MemoryStore) -> None:
    diary = Diary(lambda event: True)
    runner = line(calls_log(64, 64), store, diary, brake_keys=10**6, brake_window=20)
    with pytest.raises(UnavailableFault):
        runner.catch_up()
    assert runner.position() == 0
    assert diary_of(store) == []
    assert Quarantine(store).count() == 0


def test_without_the_brake_a_broken_projection_would_park_everything(store: MemoryStore) -> None:
    # Negative control: the limits are what stops the line.
    diary = Diary(lambda event: True)
    line(calls_log(64, 64), store, diary, brake_keys=10**6, brake_window=10**6).catch_up()
    assert Quarantine(store).count() == 64


def test_the_thread_stands_still_behind_the_brake_and_says_why(store: MemoryStore) -> None:
    runner = line(calls_log(64, 64), store, Diary(lambda event: True), brake_keys=1)
    runner.start()
    assert not runner.wait_for(64, timeout_s=30)
    runner.stop()
    assert isinstance(runner.fault, UnavailableFault)
    assert runner.fault.problem.code == "projection_stopped"


def test_a_store_that_never_had_a_line_has_an_empty_quarantine(store: MemoryStore) -> None:
    quarantine = Quarantine(store)
    assert (quarantine.count(), quarantine.braked(), quarantine.parked()) == (0, False, [])


class Rebuilding(Diary):
    """A diary that can also be made again at once, and fails at that where it would fail at an event."""

    def rebuild(self, store: Any, reader: Any, *, upto: Any = None, progress: Any = None, done: Any = None) -> int:
        with store.write() as connection:
            self.reset(connection)
            self.apply(connection, reader.after(0, 10**9), reader)
            done(connection, reader.head().log_index)
        return int(reader.head().log_index)


def test_a_rebuild_after_the_fix_empties_the_quarantine(store: MemoryStore) -> None:
    diary = Rebuilding(lambda event: event.log_index == 2)
    runner = line(calls_log(6, 3), store, diary)
    runner.catch_up()
    assert Quarantine(store).count() == 2
    with pytest.raises(ValueError):
        runner.rebuild()
    assert Quarantine(store).count() == 2
    diary.poison = lambda event: False
    assert runner.rebuild() == 6
    assert (Quarantine(store).count(), runner.position()) == (0, 6)
    assert [log_index for log_index, _ in diary_of(store)] == list(range(1, 7))


def test_a_first_rebuild_that_meets_poison_gives_way_to_following_the_log(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.runner.REBUILD_FROM_EVENTS", 1)
    runner = line(calls_log(6, 3), store, Rebuilding(lambda event: event.log_index == 2))
    assert runner.catch_up() == 6
    assert [log_index for log_index, _ in diary_of(store)] == [1, 3, 4, 6]
    assert [item.log_index for item in Quarantine(store).parked()] == [2, 5]


def test_an_event_parked_while_a_rebuild_begins_does_not_stop_the_line(store: MemoryStore) -> None:
    # The rebuild reached 6; an event recorded and parked at that moment lies behind the position it sets.
    log = calls_log(7, 3)
    runner = line(log, store, Rebuilding())
    last = log.events.pop()
    runner.catch_up()
    diary = Rebuilding(lambda event: event.log_index == 7)
    beside = line(log, store, diary)

    def rebuild(into: Any, reader: Any, *, done: Any, **_: Any) -> int:
        log.events.append(last)
        runner.step()
        with into.write() as connection:
            done(connection, 6)
        return 6

    runner._projector.poison = diary.poison  # type: ignore[attr-defined]
    diary.rebuild = rebuild  # type: ignore[assignment,method-assign]
    assert 6 == beside.rebuild()
    assert ([], 6) == (Quarantine(store).parked(), beside.position())
    assert 1 == runner.step()
    assert [7] == [item.log_index for item in Quarantine(store).parked()]


def test_parking_an_event_again_counts_the_attempt_and_keeps_one_row(store: MemoryStore) -> None:
    log = calls_log(2)
    line(log, store, Diary()).prepare()
    shelf = Shelf("diary")
    with store.write() as connection:
        shelf.park(connection, log.events[0], "call/c-1", ValueError("first"), NOW_US)
        shelf.park(connection, log.events[0], "call/c-1", ValueError("again"), NOW_US + 1)
    assert [("ValueError: again", 2, NOW_US)] == [
        (item.error, item.attempts, item.parked_at_us) for item in Quarantine(store).parked()
    ]


def test_what_cannot_be_rebuilt_says_so(store: MemoryStore) -> None:
    with pytest.raises(TypeError):
        line(calls_log(1), store, Diary()).rebuild()
