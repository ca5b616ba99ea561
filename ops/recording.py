"""Recording a long run of events: validate, hand to the writer, add up the outcomes.

Files and generated events arrive faster than one commit at a time could take them, so the next batch is
validated while the last one becomes durable; memory stays bounded by two batches.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from contracts.faults import Fault
from contracts.intake import validate
from contracts.recorded import Accepted, Outcome, Rejected, Submission

BATCH_EVENTS = 1_000


@dataclass(slots=True)
class Tally:
    """How a run of submissions ended. ``flags`` counts the consistency rules an import found broken, by
    name.
    """

    recorded: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def submitted(self) -> int:
        """Every submission ends as exactly one of the four."""
        return self.recorded + self.duplicate + self.conflict + self.rejected

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Count these outcomes."""
        for outcome in outcomes:
            if outcome.status == "recorded":
                self.recorded += 1
            elif outcome.status == "duplicate":
                self.duplicate += 1
            else:
                if outcome.status == "conflict":
                    self.conflict += 1
                else:
                    self.rejected += 1
                if outcome.problem is not None:
                    self.codes[outcome.problem.code] += 1

    def to_json(self) -> dict[str, Any]:
        """The published shape of ``record`` and ``import``."""
        return {
            "recorded": self.recorded,
            "duplicate": self.duplicate,
            "conflict": self.conflict,
            "rejected": self.rejected,
            "flags": dict(sorted(self.flags.items())),
        }


class RecorderPort(Protocol):
    """The part of the sequencer this module uses."""

    def submit(
        self, submissions: Sequence[Submission], done: Callable[[list[Outcome] | BaseException], None]
    ) -> None: ...


class _Pending:
    """One submitted batch; ``outcomes`` waits for the writer and raises what it raised."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._result: list[Outcome] | BaseException = []

    def done(self, result: list[Outcome] | BaseException) -> None:
        self._result = result
        self._ready.set()

    def outcomes(self) -> list[Outcome]:
        self._ready.wait()
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


def as_submission(item: bytes | Submission, agency: str | None) -> Submission:
    """Validate raw bytes; pass on what has been judged already."""
    return item if isinstance(item, Accepted | Rejected) else validate(item, agency=agency)


def record_stream(
    recorder: RecorderPort,
    items: Iterable[bytes | Submission],
    *,
    agency: str | None = None,
    batch_events: int = BATCH_EVENTS,
    on_outcomes: Callable[[list[Outcome]], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Tally:
    """Record every item in order and return the tally.

    ``progress`` is called with the number submitted so far after each batch. Raises the writer's ``Fault``
    when the ledger cannot be written; what was acknowledged before stays recorded, and sending the same
    again is safe.
    """
    tally = Tally()
    pending: _Pending | None = None

    def settle(batch: _Pending) -> None:
        outcomes = batch.outcomes()
        tally.add(outcomes)
        if on_outcomes is not None:
            on_outcomes(outcomes)
        if progress is not None:
            progress(tally.submitted)

    for chunk in _chunks(items, batch_events):
        submissions = [as_submission(item, agency) for item in chunk]
        if pending is not None:
            settle(pending)
        pending = _Pending()
        _submit(recorder, submissions, pending)
    if pending is not None:
        settle(pending)
    return tally


def _submit(recorder: RecorderPort, submissions: list[Submission], pending: _Pending) -> None:
    # At most two batches of ours are in flight, so a full queue is other senders' doing: wait for a turn.
    pause = threading.Event()
    while True:
        try:
            recorder.submit(submissions, pending.done)
        except Fault as fault:
            if fault.problem.code != "busy":
                raise
            pause.wait(0.05)
        else:
            return


def _chunks(items: Iterable[bytes | Submission], size: int) -> Iterator[list[bytes | Submission]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
