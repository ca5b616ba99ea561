"""Between the event loop and the writer's thread: submissions one way, outcomes the other.

Wake-ups and locks, not validation, decide how many single events a server can take, so both directions are gathered.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.faults import Fault
from contracts.recorded import Outcome, Submission
from domain.sequencer import sender_of
from ops.metrics import Metrics

TOGETHER_MAX = 256
"""Submissions of several requests that go to the writer as one group: as many as make the wake-ups cheap. A flood's
whole turn in one group would be larger than the queue, which takes such a group when it is empty and is then full for
everybody."""


class SubmitPort(Protocol):
    """The part of the sequencer the intake uses."""

    def record_now(self, submissions: Sequence[Submission]) -> list[Outcome] | None:
        """The outcomes where recording at once is quicker than handing over, else None. Raises a ``Fault``."""
        ...

    def expect_room(self, sender: str, size: int, coming: int = 0) -> None:
        """Raise what ``submit`` would for so many of a sender, behind ``coming`` others of the same."""
        ...

    def submit(
        self,
        submissions: Sequence[Submission],
        done: Callable[[list[Outcome] | BaseException], None],
        *,
        sender: str | None = None,
    ) -> None:
        """Never blocks; raises a ``Fault`` with code ``busy`` where there is no room for more of this sender's."""
        ...


Answer = Callable[[list[Outcome] | BaseException], None]
"""Told on the event loop how a group ended; must be quick and must not raise."""


@dataclass(slots=True)
class _Ticket:
    submissions: list[Submission]
    answer: Answer
    sender: str
    reserved: int = 0


class Desk:
    """Hands submissions to the writer and brings the outcomes back to the event loop.

    What one sender sends in one turn of the loop is submitted together; what one commit answers is delivered in one
    wake-up. So a wake-up (a system call and a switch of threads) is paid per commit, not per request.
    """

    def __init__(self, sequencer: SubmitPort, metrics: Metrics) -> None:
        self._sequencer = sequencer
        self._waiting: list[_Ticket] = []
        self._coming: dict[str, int] = {}
        self._ended: deque[tuple[list[_Ticket], list[Outcome] | BaseException, float]] = deque()
        self._waking = False
        self._wait_s = metrics.histogram("tallystick_commit_wait_seconds")

    def reserve(self, sender: str, size: int) -> None:
        """Keep places for so many submissions of a sender while they are judged. Raises the fault ``busy`` where the
        queue has none: what is refused then costs nothing more, and what is judged fits into the queue.

        They are given back with ``give_back``, or with ``submit`` where it is told that they are reserved.
        """
        coming = self._coming.get(sender, 0)
        self._sequencer.expect_room(sender, size, coming)
        self._coming[sender] = coming + size

    def give_back(self, sender: str, size: int) -> None:
        """Places that were reserved and are not needed."""
        left = self._coming[sender] - size
        if left:
            self._coming[sender] = left
        else:
            del self._coming[sender]

    async def submit(
        self, submissions: list[Submission], sender: str | None = None, *, reserved: int = 0
    ) -> list[Outcome]:
        """The outcomes, in the same order. Raises a ``Fault`` where nothing was recorded.

        ``reserved``: so many places were reserved for them.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()

        def answer(result: list[Outcome] | BaseException) -> None:
            if future.done():
                return
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.hand_in(loop, submissions, answer, sender, reserved)
        return await future

    def hand_in(
        self,
        loop: asyncio.AbstractEventLoop,
        submissions: list[Submission],
        answer: Answer,
        sender: str | None = None,
        reserved: int = 0,
    ) -> None:
        """As ``submit``, telling ``answer`` on the loop. Call it on the loop.

        ``sender`` says whose turn it is; None: the agency of the first submission.
        """
        if not self._waiting:
            loop.call_soon(self._flush, loop)
        whose = sender_of(submissions) if sender is None else sender
        self._waiting.append(_Ticket(submissions, answer, whose, reserved))

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        tickets, self._waiting = self._waiting, []
        for ticket in tickets:
            if ticket.reserved:
                self.give_back(ticket.sender, ticket.reserved)
        try:
            outcomes = self._at_once(tickets)
            if outcomes is not None:
                _tell(tickets, outcomes)
                return
        except Fault as fault:
            if len(tickets) == 1:
                tickets[0].answer(fault)
                return
            outcomes = None
        for together in _by_sender(tickets):
            self._queue(loop, together)

    def _queue(self, loop: asyncio.AbstractEventLoop, tickets: list[_Ticket]) -> None:
        refused = self._refused(loop, tickets)
        if refused is None:
            return
        if len(tickets) == 1:
            tickets[0].answer(refused)
            return
        # Together they did not fit; the queue may still have room for some of them.
        for ticket in tickets:
            self._queue(loop, [ticket])

    def _refused(self, loop: asyncio.AbstractEventLoop, tickets: list[_Ticket]) -> Fault | None:
        try:
            self._pass_on(loop, tickets)
        except Fault as fault:
            # Without the frames it came through: they hold the tickets, those their futures, and these will hold the
            # fault. A flood makes more such rings, with all the events in them, than the collector looks for.
            return fault.with_traceback(None)
        return None

    def _at_once(self, tickets: list[_Ticket]) -> list[Outcome] | None:
        started_s = time.perf_counter()
        outcomes = self._sequencer.record_now([s for ticket in tickets for s in ticket.submissions])
        if outcomes is not None:
            self._wait_s.observe(time.perf_counter() - started_s)
        return outcomes

    def _pass_on(self, loop: asyncio.AbstractEventLoop, tickets: list[_Ticket]) -> None:
        started_s = time.perf_counter()

        def done(result: list[Outcome] | BaseException) -> None:
            # Called on the writer's thread. One commit ends many groups; the first one wakes the loop for
            # all.
            self._ended.append((tickets, result, started_s))
            if not self._waking:
                self._waking = True
                self._wake(loop)

        alone = len(tickets) == 1
        submissions = tickets[0].submissions if alone else [s for ticket in tickets for s in ticket.submissions]
        self._sequencer.submit(submissions, done, sender=tickets[0].sender)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            # The loop has closed: nobody is left to answer. What was recorded stays recorded.
            self._waking = False

    def _deliver(self) -> None:
        # The flag goes down before the queue is emptied, so that what ends meanwhile wakes the loop again.
        self._waking = False
        now_s = time.perf_counter()
        while self._ended:
            tickets, result, started_s = self._ended.popleft()
            self._wait_s.observe(now_s - started_s)
            _tell(tickets, result)


def _by_sender(tickets: list[_Ticket]) -> Iterable[list[_Ticket]]:
    """The tickets of each sender, in their order, in groups of ``TOGETHER_MAX`` submissions at most or a single ticket
    that has more: each sender has a line of its own."""
    together: dict[str, list[_Ticket]] = {}
    sizes: dict[str, int] = {}
    for ticket in tickets:
        size = len(ticket.submissions)
        before = sizes.get(ticket.sender, 0)
        if before and before + size > TOGETHER_MAX:
            yield together.pop(ticket.sender)
            before = 0
        together.setdefault(ticket.sender, []).append(ticket)
        sizes[ticket.sender] = before + size
    yield from together.values()


def _tell(tickets: list[_Ticket], result: list[Outcome] | BaseException) -> None:
    start = 0
    for ticket in tickets:
        end = start + len(ticket.submissions)
        ticket.answer(result if isinstance(result, BaseException) else result[start:end])
        start = end
