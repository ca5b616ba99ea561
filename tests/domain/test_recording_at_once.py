"""Recording in the caller's own thread: only where nobody is before it, and as exact as the queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest

from contracts.recorded import Outcome, Submission
from domain import sequencer as module
from domain.back_end import TurnTaken
from domain.ledger import Ledger
from domain.sequencer import AT_ONCE_MAX, Sequencer
from tests.domain.given import call, ledger, statuses
from tests.domain.homes import Database, Home


@pytest.fixture
def book(home: Home) -> Iterator[Ledger]:
    book = ledger(home)
    yield book
    book.close()


def test_an_idle_writer_records_at_once_and_wakes_who_follows(book: Ledger) -> None:
    heard: list[int] = []
    sequencer = Sequencer(book, on_commit=heard.append)
    outcomes = sequencer.record_now([call(1), call(2), call(1)])
    assert outcomes is not None
    assert ["recorded", "recorded", "duplicate"] == statuses(outcomes)
    assert [2] == heard
    sequencer.close()


def test_many_are_handed_over(book: Ledger) -> None:
    sequencer = Sequencer(book)
    assert sequencer.record_now([call(n) for n in range(AT_ONCE_MAX + 1)]) is None
    assert 0 == book.head().log_index
    sequencer.close()


def test_while_another_thread_writes_nothing_is_done_and_nobody_waits(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    sequencer = Sequencer(book)
    with book.store().write():
        done: list[Any] = []
        other = Thread(target=lambda: done.append(sequencer.record_now([call(1)])))
        other.start()
        other.join()  # it would never come back if it waited for this thread's transaction
        assert [None] == done
    assert ["recorded"] == statuses(sequencer.record([call(1)]))
    sequencer.close()
    book.close()


def test_while_another_process_writes_to_the_database_nobody_waits(postgres_address: str) -> None:
    book = ledger(Database(lambda: postgres_address))
    sequencer = Sequencer(book)
    with psycopg.connect(postgres_address) as other:
        other.execute("SELECT 1 FROM head FOR UPDATE")
        assert sequencer.record_now([call(1)]) is None
    assert ["recorded"] == statuses(sequencer.record([call(1)]))
    sequencer.close()
    book.close()


class Held:
    """A ledger that stays in the middle of a recording until it is let go."""

    def __init__(self, book: Ledger) -> None:
        self.book, self.entered, self.go = book, Event(), Event()

    def record(self, submissions: Sequence[Submission], *, wait: bool = True) -> list[Outcome]:
        self.entered.set()
        self.go.wait()
        return self.book.record(submissions, wait=wait)


def test_who_comes_later_does_not_pass_who_waits(book: Ledger) -> None:
    held = Held(book)
    sequencer = Sequencer(held)  # type: ignore[arg-type]
    ended: list[Any] = []
    sequencer.submit([call(1)], ended.append)
    held.entered.wait()
    assert sequencer.record_now([call(2)]) is None, "the thread is recording"
    sequencer.submit([call(2)], ended.append)
    assert sequencer.record_now([call(3)]) is None, "somebody is queued"
    held.go.set()
    sequencer.close()
    assert [1, 2] == [outcomes[0].receipt.log_index for outcomes in ended]


def test_closing_waits_for_a_recording_under_way(book: Ledger) -> None:
    held = Held(book)
    sequencer = Sequencer(held)  # type: ignore[arg-type]
    ended: list[Any] = []
    caller = Thread(target=lambda: ended.append(sequencer.record_now([call(1)])))
    caller.start()
    held.entered.wait()
    closer = Thread(target=sequencer.close)
    closer.start()
    assert closer.is_alive()
    held.go.set()
    closer.join()
    caller.join()
    assert ["recorded"] == statuses(ended[0])
    assert sequencer.record_now([call(2)]) is None


def test_a_slow_disk_is_left_to_the_thread(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 0.0, 0.5, 0.5, 0.6])
    monkeypatch.setattr(module, "monotonic", lambda: next(ticks))
    sequencer = Sequencer(book)
    assert sequencer.record_now([call(1)]) is not None
    assert sequencer.record_now([call(2)]) is None
    sequencer.close()


class Choking:
    """A ledger that fails on one sender's submission as no Fault would."""

    def __init__(self, book: Ledger) -> None:
        self.book = book

    def record(self, submissions: Sequence[Submission], *, wait: bool = True) -> list[Outcome]:
        if any(submission.id == call(2).id for submission in submissions):
            raise ValueError("choked")
        return self.book.record(submissions, wait=wait)


def test_what_fails_unexpectedly_is_handed_over_so_that_each_sender_is_tried_alone(book: Ledger) -> None:
    sequencer = Sequencer(Choking(book))  # type: ignore[arg-type]
    assert sequencer.record_now([call(1), call(2)]) is None
    assert 0 == book.head().log_index
    sequencer.close()


def test_names_learnt_in_one_transaction_are_settled_before_the_next_begins(book: Ledger) -> None:
    """Kept or forgotten after the commit: a transaction that began in between would have its own names kept."""
    recorder = book.recorder
    settle, between = recorder._names.keep, []

    def keep() -> None:
        def other() -> None:
            try:
                recorder.append(lambda _: between.append("began"), wait=False)
            except TurnTaken:
                between.append("waited")

        thread = Thread(target=other)
        thread.start()
        thread.join()
        settle()

    recorder._names.keep = keep  # type: ignore[method-assign]
    book.record([call(1)])
    recorder._names.keep = settle  # type: ignore[method-assign]
    assert ["waited"] == between
