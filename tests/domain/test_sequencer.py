"""Group commit: senders hear of their own, a full queue says so, one's failure is nobody else's."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from threading import Barrier, Event, Thread
from typing import Any

import psycopg
import pytest
from msgspec import structs

from contracts.faults import Fault, UnavailableFault, problem
from contracts.recorded import Outcome, Submission
from domain.ledger import Ledger
from domain.postgres.limits import Limits
from domain.postgres.recorder import open_database
from domain.sequencer import Sequencer
from tests.domain.given import Stopped, call, ledger, statuses
from tests.domain.homes import Home


class Gated:
    """A ledger whose recording waits until it is let through; it remembers the size of every batch."""

    def __init__(self, book: Ledger) -> None:
        self.book = book
        self.entered = Event()
        self.open = Event()
        self.sizes: list[int] = []

    def record(self, submissions: Sequence[Submission]) -> list[Outcome]:
        self.sizes.append(len(submissions))
        self.entered.set()
        self.open.wait()
        return self.book.record(submissions)


class Heard:
    """A sender: it keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.event = Event()

    def __call__(self, result: Any) -> None:
        self.told.append(result)
        self.event.set()

    def wait(self) -> Any:
        self.event.wait()
        (result,) = self.told
        return result


@pytest.fixture
def book(home: Home) -> Iterator[Ledger]:
    book = ledger(home)
    yield book
    book.close()


def test_a_sender_waits_for_its_own_outcomes(book: Ledger) -> None:
    sequencer = Sequencer(book)
    assert statuses(sequencer.record([call(1), call(1)])) == ["recorded", "duplicate"]
    assert sequencer.record([]) == []
    sequencer.close()


def test_many_senders_share_a_commit_and_each_gets_its_own_receipts(book: Ledger) -> None:
    gated = Gated(book)
    sequencer = Sequencer(gated, max_batch=10)  # type: ignore[arg-type]
    senders = [Heard() for _ in range(9)]
    sequencer.submit([call(0)], senders[0])
    gated.entered.wait()
    for number, sender in enumerate(senders[1:], 1):
        sequencer.submit([call(number), call(100 + number)], sender)
    assert sequencer.waiting() == 16
    gated.open.set()
    told = [sender.wait() for sender in senders]
    for number, outcomes in enumerate(told[1:], 1):
        assert [f"e{number:06}", f"e{100 + number:06}"] == [outcome.id for outcome in outcomes]
        assert statuses(outcomes) == ["recorded"] * 2
    assert gated.sizes == [1, 10, 6]
    sequencer.close()
    assert book.head().log_index == 17


def test_a_full_queue_says_so_and_loses_nothing(book: Ledger) -> None:
    gated = Gated(book)
    sequencer = Sequencer(gated, max_queue=3)  # type: ignore[arg-type]
    first, second = Heard(), Heard()
    sequencer.submit([call(1)], first)
    gated.entered.wait()
    sequencer.submit([call(2), call(3)], second)
    with pytest.raises(UnavailableFault) as told:
        sequencer.submit([call(4), call(5)], Heard())
    assert told.value.problem.code == "busy"
    assert told.value.problem.extra["retry_after_s"] == 1
    gated.open.set()
    first.wait()
    assert statuses(second.wait()) == ["recorded"] * 2
    assert statuses(sequencer.record([call(4), call(5)])) == ["recorded"] * 2
    sequencer.close()
    assert book.head().log_index == 5


def test_a_group_larger_than_the_queue_is_taken_when_the_queue_is_empty(book: Ledger) -> None:
    sequencer = Sequencer(book, max_queue=2, max_batch=2)
    assert statuses(sequencer.record([call(n) for n in range(5)])) == ["recorded"] * 5
    sequencer.close()


class Failing:
    """A ledger that raises what it is given, as often as it is given something."""

    def __init__(self, book: Ledger, *errors: BaseException) -> None:
        self.book = book
        self.errors = list(errors)

    def record(self, submissions: Sequence[Submission]) -> list[Outcome]:
        if self.errors:
            raise self.errors.pop(0)
        return self.book.record(submissions)


def test_a_batch_the_disk_refuses_is_told_to_every_sender_and_the_next_goes_on(book: Ledger) -> None:
    full = UnavailableFault(problem("storage_full"))
    sequencer = Sequencer(Failing(book, full))  # type: ignore[arg-type]
    with pytest.raises(UnavailableFault) as told:
        sequencer.record([call(1)])
    assert told.value.problem.code == "storage_full"
    assert statuses(sequencer.record([call(1)])) == ["recorded"]
    sequencer.close()


def test_an_unexpected_failure_is_told_as_a_fault(book: Ledger) -> None:
    sequencer = Sequencer(Failing(book, ZeroDivisionError("secret")))  # type: ignore[arg-type]
    with pytest.raises(Fault) as told:
        sequencer.record([call(1)])
    assert told.value.problem.code == "internal_error"
    assert "secret" not in told.value.problem.detail
    assert isinstance(told.value.__cause__, ZeroDivisionError)
    sequencer.close()


def test_one_senders_damaged_submission_is_not_the_others_failure(book: Ledger) -> None:
    gated = Gated(book)
    sequencer = Sequencer(gated)  # type: ignore[arg-type]
    first, good, damaged = Heard(), Heard(), Heard()
    sequencer.submit([call(1)], first)
    gated.entered.wait()
    sequencer.submit([call(2)], good)
    sequencer.submit([structs.replace(call(3), digest=b"\x00" * 32)], damaged)
    gated.open.set()
    assert statuses(good.wait()) == ["recorded"]
    assert isinstance(damaged.wait(), Fault)
    sequencer.close()
    assert book.head().log_index == 2


UNSTORABLE = {
    "no text may hold it": "call/\0",
    "no index may hold it": "call/" + random.Random(1).randbytes(9000).hex(),
}
"""Subjects that the intake refuses and no PostgreSQL can keep, as if one had come through."""


@pytest.mark.parametrize("why", UNSTORABLE)
def test_what_the_database_cannot_take_fails_its_own_sender_alone(postgres_address: str, why: str) -> None:
    with closing(Ledger.connect(postgres_address, clock=Stopped(), limits=Limits(patience_s=600))) as book:
        gated = Gated(book)
        sequencer = Sequencer(gated)  # type: ignore[arg-type]
        first, good, culprit, after = Heard(), Heard(), Heard(), Heard()
        sequencer.submit([call(1)], first)
        gated.entered.wait()
        sequencer.submit([call(2)], good)
        sequencer.submit([structs.replace(call(3), subject=UNSTORABLE[why]), call(4)], culprit)
        sequencer.submit([call(5)], after)
        gated.open.set()
        assert ["recorded"] == statuses(good.wait()) == statuses(after.wait())
        told = culprit.wait()
        assert isinstance(told, Fault)
        assert "internal_error" == told.problem.code
        assert isinstance(told.__cause__, psycopg.Error)
        sequencer.close()
        assert [1, 4, 1, 2, 1] == gated.sizes, "each is tried once more, and by itself"
        assert 3 == book.head().log_index
        assert book.verify().ok


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (psycopg.errors.DiskFull("x"), "storage_full"),
        (psycopg.errors.OutOfMemory("x"), "database_unavailable"),
        (psycopg.errors.IoError("x"), "database_unavailable"),
        (psycopg.errors.DeadlockDetected("x"), "database_unavailable"),
        (psycopg.errors.IdleInTransactionSessionTimeout("x"), "database_unavailable"),
        (psycopg.OperationalError("the connection is lost"), "database_unavailable"),
        (psycopg.errors.InsufficientPrivilege("x"), None),
        (psycopg.errors.UndefinedTable("x"), None),
        (psycopg.errors.RaiseException("x"), None),
        (psycopg.errors.IndexCorrupted("x"), None),
        (psycopg.DataError("x"), None),
        (sqlite3.OperationalError("another's"), None),
    ],
)
def test_only_what_may_pass_is_to_be_tried_again(postgres_address: str, error: Exception, code: str | None) -> None:
    with closing(open_database(postgres_address, Stopped(), True, None, True)[0]) as back_end:
        told = back_end.fault(error)
        assert code == (told and told.problem.code)


def test_a_question_that_would_be_refused_again_is_not_a_database_that_is_away(postgres_address: str) -> None:
    with (
        closing(open_database(postgres_address, Stopped(), True, None, True)[0]) as back_end,
        pytest.raises(psycopg.errors.UndefinedTable),
    ):
        back_end.answer(lambda asking: asking.ask("SELECT 1 FROM no_such_table").fetchall())


def test_a_sender_that_cannot_be_told_does_not_stop_the_line(book: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    sequencer = Sequencer(book)
    sequencer.submit([call(1)], lambda _: [][1])
    with caplog.at_level(logging.ERROR):
        assert statuses(sequencer.record([call(2)])) == ["recorded"]
    assert "could not be told" in caplog.text
    sequencer.close()


def test_the_runner_hears_of_every_commit(book: Ledger) -> None:
    heard: list[int] = []
    sequencer = Sequencer(book, on_commit=heard.append)
    sequencer.record([call(1), call(2)])
    sequencer.record([call(1)])
    sequencer.record([call(3)])
    sequencer.close()
    assert heard == [2, 3]


def test_a_follower_that_cannot_be_woken_does_not_stop_the_line(book: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    sequencer = Sequencer(book, on_commit=lambda _: [][1])
    assert statuses(sequencer.record([call(1)])) == ["recorded"]
    assert statuses(sequencer.record([call(2)])) == ["recorded"]
    sequencer.close()
    assert "could not be woken" in caplog.text


def test_closing_records_what_is_queued_and_refuses_the_rest(book: Ledger) -> None:
    gated = Gated(book)
    sequencer = Sequencer(gated)  # type: ignore[arg-type]
    first, queued = Heard(), Heard()
    sequencer.submit([call(1)], first)
    gated.entered.wait()
    sequencer.submit([call(2)], queued)
    closing = Thread(target=sequencer.close)
    closing.start()
    gated.open.set()
    closing.join()
    assert statuses(queued.wait()) == ["recorded"]
    with pytest.raises(UnavailableFault) as told:
        sequencer.submit([call(3)], Heard())
    assert told.value.problem.code == "closing"


def test_senders_in_many_threads_lose_nothing(book: Ledger) -> None:
    sequencer = Sequencer(book, max_batch=16)
    together = Barrier(8)
    statuses_seen: list[str] = []

    def send(thread: int) -> None:
        together.wait()
        for number in range(20):
            statuses_seen.extend(statuses(sequencer.record([call(number), call(1000 * thread + number + 500)])))

    threads = [Thread(target=send, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sequencer.close()
    assert book.totals() == {"recorded": 20 + 160, "duplicate": 140, "conflict": 0, "rejected": 0}
    assert len(statuses_seen) == 320
    assert book.verify().ok
