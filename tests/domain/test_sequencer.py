"""Group commit: senders hear of their own, a full queue says so, one's failure is nobody else's."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from msgspec import structs

from contracts.faults import Fault, UnavailableFault, problem
from contracts.recorded import Outcome, Submission
from domain.ledger import Ledger
from domain.sequencer import Sequencer
from tests.domain.given import call, ledger, statuses
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
