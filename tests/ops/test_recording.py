"""Long runs of events: every submission is counted as exactly one of four, and a full queue loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contracts.faults import fault
from contracts.recorded import Outcome, Submission
from ops.composition import House
from ops.recording import record_stream

Raw = Callable[..., bytes]


class _Recorder:
    """Records everything, after refusing as busy so many times."""

    def __init__(self, busy: int = 0, fails_at: int | None = None) -> None:
        self.busy = busy
        self.fails_at = fails_at
        self.batches: list[int] = []

    def submit(self, submissions: Sequence[Submission], done: Callable[[Any], None]) -> None:
        if self.busy:
            self.busy -= 1
            raise fault("busy")
        self.batches.append(len(submissions))
        if len(self.batches) == self.fails_at:
            done(fault("storage_full"))
        else:
            done([Outcome("recorded") for _ in submissions])


def test_the_tally_adds_up_and_batches_are_bounded(raw: Raw) -> None:
    recorder = _Recorder()
    seen: list[int] = []
    tally = record_stream(recorder, (raw(n) for n in range(25)), batch_events=10, progress=seen.append)
    assert (tally.submitted, tally.recorded) == (25, 25)
    assert recorder.batches == [10, 10, 5]
    assert seen == [10, 20, 25]


def test_a_full_queue_is_waited_for(raw: Raw) -> None:
    assert record_stream(_Recorder(busy=2), [raw(1)]).recorded == 1


def test_a_failure_of_the_writer_is_raised_not_swallowed(raw: Raw) -> None:
    with pytest.raises(Exception, match="storage_full"):
        record_stream(_Recorder(fails_at=2), (raw(n) for n in range(25)), batch_events=10)


def test_no_more_than_one_batch_is_read_ahead(raw: Raw) -> None:
    recorder = _Recorder()
    read = 0

    def counted() -> Any:
        nonlocal read
        for n in range(50):
            assert read - sum(recorder.batches) <= 10
            read += 1
            yield raw(n)

    record_stream(recorder, counted(), batch_events=10)


def test_all_four_ends_are_told_apart(house: House, raw: Raw) -> None:
    items = [raw(1), raw(1), raw(1, time="2025-03-02T00:00:00Z"), b"{"]
    tally = house.record(items)
    assert tally.to_json() == {"recorded": 1, "duplicate": 1, "conflict": 1, "rejected": 1, "flags": {}}
    assert dict(tally.codes) == {"identity_conflict": 1, "not_json": 1}
