"""The sequencer: a bounded queue in front of the ledger, drained by one thread into few, large transactions.

It is here because a sync of the disk costs the same for one event as for a thousand: many senders that each
wait for their own receipt share one commit. A full queue says so at once (back-pressure) and loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Event, Thread
from time import monotonic

from contracts.faults import Fault, UnavailableFault, problem
from contracts.recorded import Outcome, Submission
from domain.back_end import TurnTaken
from domain.ledger import Ledger
from domain.turns import Turns

Done = Callable[[list[Outcome] | BaseException], None]
"""Told how a submitted group ended, from the sequencer's thread: must be quick and must not raise."""

RETRY_AFTER_S = 1
AT_ONCE_MAX = 256
"""Submissions that ``record_now`` takes: more would keep the caller too long."""
SLOW_COMMIT_S = 0.02
"""After a commit that took longer, callers do not wait for the disk themselves for a while."""
SLOW_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Group:
    submissions: Sequence[Submission]
    done: Done


class Sequencer:
    """Owns one thread. ``submit`` may be called from any thread, an event loop's included: it never waits."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        max_batch: int = 1000,
        max_queue: int = 20_000,
        on_commit: Callable[[int], None] | None = None,
    ) -> None:
        """``max_batch``, ``max_queue`` count submissions; ``on_commit`` hears each last log_index."""
        self._ledger = ledger
        self._max_batch = max_batch
        self._on_commit = on_commit
        self._groups: Turns[_Group] = Turns(max_queue)
        self._closing = False
        self._recording = False
        self._slow_until_s = 0.0
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="sequencer", daemon=True)
        self._thread.start()

    def submit(self, submissions: Sequence[Submission], done: Done, *, sender: str | None = None) -> None:
        """Queue a group that is recorded whole, in one transaction, and in the order of its sender's submitting.

        Senders take turns; one that is not named is the agency of the first submission. Raises UnavailableFault:
        ``busy`` (with ``retry_after_s``) where the queue has no room for more of this sender's, ``closing`` after
        ``close``. A group larger than the whole queue is taken when the queue is empty, so that no sender
        waits for ever.
        """
        whose = sender if sender is not None else sender_of(submissions)
        with self._changed:
            self._refuse_without_room(whose, len(submissions), 0)
            self._groups.put(whose, _Group(submissions, done), len(submissions))
            self._changed.notify()

    def expect_room(self, sender: str, size: int, coming: int = 0) -> None:
        """Raise what ``submit`` would raise now for so many submissions of a sender, behind ``coming`` others of the
        same: so that what is refused need not be judged first.
        """
        with self._changed:
            self._refuse_without_room(sender, size, coming)

    def record(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """As ``submit``, waiting for the outcomes; raises what the recording raised."""
        ended = Event()
        answer: list[list[Outcome] | BaseException] = []

        def done(result: list[Outcome] | BaseException) -> None:
            answer.append(result)
            ended.set()

        self.submit(submissions, done)
        ended.wait()
        (result,) = answer
        if isinstance(result, BaseException):
            raise result
        return result

    def record_now(self, submissions: Sequence[Submission]) -> list[Outcome] | None:
        """As ``record``, in the caller's own thread, where that is quicker than handing over; else None, and nothing
        was done.

        It is quicker for a few submissions, with nobody before them and nobody writing, on a disk that syncs
        quickly: a hand-over to another thread and back costs more than the commit. Raises a ``Fault`` as ``record``.
        """
        if len(submissions) > AT_ONCE_MAX or monotonic() < self._slow_until_s:
            return None
        with self._changed:
            if self._closing or self._recording or self._groups:
                return None
            self._recording = True
        try:
            began_s = monotonic()
            outcomes = self._ledger.record(submissions, wait=False)
            if monotonic() - began_s > SLOW_COMMIT_S:
                self._slow_until_s = monotonic() + SLOW_PAUSE_S
        except TurnTaken:
            return None
        except Fault:
            raise
        except Exception:  # noqa: BLE001 - nothing was kept; handed over, each sender's part is tried by itself
            return None
        finally:
            with self._changed:
                self._recording = False
                self._changed.notify()
        self._committed(outcomes)
        return outcomes

    def waiting(self) -> int:
        """Submissions in the queue, for the metrics."""
        with self._changed:
            return self._groups.size

    def close(self) -> None:
        """Refuse what comes from now on, record what is queued, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _refuse_without_room(self, sender: str, size: int, coming: int) -> None:
        if self._closing:
            raise UnavailableFault(problem("closing"))
        if not self._groups.has_room(sender, size, coming):
            own, every = self._groups.waiting(sender), self._groups.size
            raise UnavailableFault(
                problem("busy", f"{every} submissions are waiting, {own} of this sender.", retry_after_s=RETRY_AFTER_S)
            )

    def _run(self) -> None:
        while groups := self._next():
            self._end(groups)
            with self._changed:
                self._recording = False

    def _end(self, groups: Sequence[_Group]) -> None:
        try:
            self._record(groups)
        except Fault as fault:
            self._tell(groups, fault)
        except Exception as error:  # noqa: BLE001 - the thread outlives every batch, and every sender is told
            if len(groups) == 1:
                self._tell(groups, _unexpected(error))
                return
            # Not the storage but something in the batch: one sender's submission must not fail the others'.
            for group in groups:
                self._record_alone(group)

    def _record(self, groups: Sequence[_Group]) -> None:
        outcomes = self._ledger.record([submission for group in groups for submission in group.submissions])
        start = 0
        for group in groups:
            end = start + len(group.submissions)
            self._answer(group, outcomes[start:end])
            start = end
        self._committed(outcomes)

    def _committed(self, outcomes: Sequence[Outcome]) -> None:
        last = max(
            (outcome.receipt.log_index for outcome in outcomes if outcome.status == "recorded" and outcome.receipt),
            default=0,
        )
        if last and self._on_commit is not None:
            try:
                self._on_commit(last)
            except Exception:  # noqa: BLE001 - the events are recorded; whoever follows the log also polls
                _log.exception("the follower of the log could not be woken at %d", last)

    def _record_alone(self, group: _Group) -> None:
        try:
            self._record([group])
        except Fault as fault:
            self._answer(group, fault)
        except Exception as error:  # noqa: BLE001 - as above
            self._answer(group, _unexpected(error))

    def _tell(self, groups: Sequence[_Group], fault: Fault) -> None:
        for group in groups:
            self._answer(group, fault)

    def _answer(self, group: _Group, result: list[Outcome] | BaseException) -> None:
        try:
            group.done(result)
        except Exception:  # noqa: BLE001 - one sender's trouble must not end the thread
            # What was recorded stays recorded; the other senders still have to hear of theirs.
            _log.exception("a sender could not be told how its submissions ended")

    def _next(self) -> list[_Group]:
        """The groups of the next transaction, waiting for the first; empty once closed and drained."""
        with self._changed:
            while self._recording or (not self._groups and not self._closing):
                self._changed.wait()
            groups = self._groups.take(self._max_batch)
            self._recording = bool(groups)
            return groups


def sender_of(submissions: Sequence[Submission]) -> str:
    """Whose turn a group is where nobody says: the agency of its first submission, "" for none."""
    return (submissions[0].agency or "") if submissions else ""


def _unexpected(error: Exception) -> Fault:
    told = UnavailableFault(problem("internal_error", f"The batch was not recorded: {type(error).__name__}."))
    told.__cause__ = error
    return told
