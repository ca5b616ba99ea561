"""Views and position commit together; a kill at any statement leaves both or neither; a version starts over."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as hooks
from sqlalchemy.exc import OperationalError

from contracts.faults import UnavailableFault
from projections.tables import METADATA
from projections.views import Views
from streams import runner as lines
from streams.lag import Lag
from streams.runner import Runner
from tests.projections.fake_log import FakeLog, MemoryStore, contents, recorded
from tests.streams.projectors import NOW_US, Diary, calls_log, diary_of


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code under test may catch it."""


def line(log: FakeLog, store: MemoryStore, projector: Any, **settings: Any) -> Runner:
    settings = {"clock": lambda: NOW_US, "batch_limit": 7, "sleep": lambda _: None} | settings
    return Runner(log, store, projector, **settings)


def test_every_event_is_applied_once_and_in_order(store: MemoryStore) -> None:
    log = calls_log(30)
    runner = line(log, store, Diary())
    assert runner.catch_up() == 30
    assert list(range(1, 31)) == [log_index for log_index, _ in diary_of(store)]
    assert runner.position() == 30
    assert runner.step() == 0


def test_lag_is_counted_in_events_and_in_seconds_since_the_oldest_of_them(store: MemoryStore) -> None:
    runner = line(calls_log(30), store, Diary())
    assert Lag(30, 29.0) == runner.lag()
    runner.step()
    assert Lag(23, 22.0) == runner.lag()
    runner.catch_up()
    assert Lag(0, 0.0) == runner.lag()


def test_a_second_runner_goes_on_where_the_first_one_was(store: MemoryStore) -> None:
    log = calls_log(30)
    line(log, store, Diary()).step()
    line(log, store, Diary()).catch_up()
    assert list(range(1, 31)) == [log_index for log_index, _ in diary_of(store)]


def test_a_batch_delivered_again_is_not_applied_again(store: MemoryStore) -> None:
    # A stale line read its batch before another one committed the same events.
    log = calls_log(14)
    stale, quick = line(log, store, Diary()), line(log, store, Diary())
    stale.prepare()
    position = stale.position
    stale.position = lambda: 0 if quick.step() else position()  # type: ignore[method-assign]
    stale.catch_up()
    assert list(range(1, 15)) == [log_index for log_index, _ in diary_of(store)]


def test_a_new_version_starts_over(store: MemoryStore) -> None:
    log = calls_log(9)
    line(log, store, Diary(version="1")).catch_up()
    line(log, store, Diary(version="2")).catch_up()
    assert list(range(1, 10)) == [log_index for log_index, _ in diary_of(store)]


@contextmanager
def killed_at(store: MemoryStore, statement: int) -> Iterator[None]:
    """Kills whoever executes the n-th statement from here on, just before it."""
    count = 0

    def strike(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == statement:
            raise Killed

    hooks.listen(store.engine, "before_cursor_execute", strike)
    try:
        yield
    finally:
        hooks.remove(store.engine, "before_cursor_execute", strike)


def small_log() -> FakeLog:
    events: list[tuple[str, dict[str, Any]]] = [
        ("call.received", {"call": "c-1", "channel": "988"}),
        ("encounter.closed", {"call": "c-1", "disposition": "arrest"}),
        ("record.voided", {"supersedes": "e2", "reason": "wrong call"}),
        ("encounter.closed", {"call": "c-1", "disposition": "respite"}),
    ]
    return FakeLog(
        recorded(n, type, data, id=f"e{n}", subject="call/c-1", time_us=NOW_US + n)
        for n, (type, data) in enumerate(events, start=1)
    )


def kill_at_every_statement(folder: Path) -> int:
    """Kills a line at each of its statements in turn; checks what is left, then lets it finish. How many kills."""
    log = small_log()
    after: dict[int, Any] = {}
    for length in range(5):
        with_prefix = MemoryStore()
        line(FakeLog(log.events[:length]), with_prefix, Views("UTC"), batch_limit=1).catch_up()
        after[length] = contents(with_prefix, METADATA)
        with_prefix.close()
    line(log, MemoryStore(folder / "prepared.db"), Views("UTC")).prepare()
    kills = 0
    for statement in range(1, 1_000):
        # A killed line leaves nothing in memory, so this store is a file.
        store = MemoryStore(Path(shutil.copy(folder / "prepared.db", folder / f"{statement}.db")))
        runner = line(log, store, Views("UTC"), batch_limit=1)
        runner.prepare()
        try:
            with killed_at(store, statement):
                runner.catch_up()
        except Killed:
            kills += 1
            restarted = line(log, store, Views("UTC"), batch_limit=1)
            assert after[restarted.position()] == contents(store, METADATA)
            restarted.catch_up()
        finished = statement > kills
        assert after[4] == contents(store, METADATA)
        store.close()
        if finished:
            break
    return kills


def test_a_kill_at_any_statement_leaves_rows_and_position_of_the_same_prefix(tmp_path: Path) -> None:
    assert kill_at_every_statement(tmp_path) > 40


def test_the_kill_test_notices_a_position_that_commits_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Negative control: the position runs ahead in a transaction of its own.
    step = Runner._step

    def ahead(self: Any, upto: int | None = None) -> int | None:
        position = self.position()
        if batch := self._subscription.after(position):
            with self._store.write() as connection:
                self._set_position(connection, batch[0])
        with monkeypatch.context() as patch:
            patch.setattr(self, "position", lambda: position, raising=False)
            patch.setattr(self, "_position", lambda _: position, raising=False)
            return step(self, upto)

    monkeypatch.setattr(Runner, "_step", ahead)
    with pytest.raises(AssertionError):
        kill_at_every_statement(tmp_path)


def test_a_busy_database_is_tried_again_and_parks_nothing(store: MemoryStore) -> None:
    pauses: list[float] = []
    diary = Diary()
    diary.broken = OperationalError("INSERT", {}, Exception("database is locked"))

    def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 3:
            diary.broken = None

    line(calls_log(7), store, diary, sleep=sleep).catch_up()
    assert pauses == [0.05, 0.1, 0.2]
    assert list(range(1, 8)) == [log_index for log_index, _ in diary_of(store)]


def test_a_database_that_stays_busy_is_a_fault_and_the_position_stays(store: MemoryStore) -> None:
    diary = Diary()
    diary.broken = OperationalError("INSERT", {}, Exception("database is locked"))
    runner = line(calls_log(7), store, diary, retries=2)
    with pytest.raises(UnavailableFault) as behind:
        runner.catch_up()
    assert behind.value.problem.code == "views_behind"
    assert runner.position() == 0
    assert diary_of(store) == []


def test_a_long_log_is_rebuilt_at_once_and_gives_the_same_as_following_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = small_log()
    followed, rebuilt = MemoryStore(), MemoryStore()
    line(log, followed, Views("UTC")).catch_up()
    monkeypatch.setattr(lines, "REBUILD_FROM_EVENTS", 1)
    calls: list[tuple[int, int]] = []
    runner = line(log, rebuilt, Views("UTC"))
    assert runner.catch_up(lambda done, total: calls.append((done, total))) == 4
    assert runner.position() == 4
    assert calls[-1] == (4, 4)
    expected, found = contents(followed, METADATA), contents(rebuilt, METADATA)
    assert found.pop("dirty_periods") == [("*", "*")]
    expected.pop("dirty_periods")
    assert expected == found
    followed.close()
    rebuilt.close()


def test_the_thread_follows_wakes_and_stops(store: MemoryStore) -> None:
    log = calls_log(20)
    late = log.events[10:]
    log.events = log.events[:10]
    diary = Diary()
    runner = line(log, store, diary, poll_s=3600)
    runner.start()
    try:
        assert runner.wait_for(10, timeout_s=30)
        log.events.extend(late)
        runner.wake()
        assert runner.wait_for(20, timeout_s=30)
    finally:
        runner.stop()
    assert list(range(1, 21)) == [log_index for log_index, _ in diary_of(store)]
    assert diary.refreshed >= 1


def test_the_thread_polls_although_nobody_wakes_it(store: MemoryStore) -> None:
    log = calls_log(20)
    late = log.events[10:]
    log.events = log.events[:10]
    runner = line(log, store, Diary(), poll_s=0.01)
    runner.start()
    try:
        assert runner.wait_for(10, timeout_s=30)
        log.events.extend(late)
        assert runner.wait_for(20, timeout_s=30)
    finally:
        runner.stop()


def test_a_refresh_waits_until_it_is_due(store: MemoryStore) -> None:
    now = [NOW_US]
    diary = Diary()
    runner = line(calls_log(20), store, diary, clock=lambda: now[0], refresh_every_s=0.5)
    runner.step()
    runner._refresh(when_due=True)
    assert diary.refreshed == 1
    runner.step()
    runner._refresh(when_due=True)
    assert diary.refreshed == 1
    now[0] += 500_000
    runner._refresh(when_due=True)
    assert diary.refreshed == 2
    runner._refresh(when_due=True)
    assert diary.refreshed == 2
