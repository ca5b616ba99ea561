"""The line of intake: agencies' messages become recorded events, receipts and rejections; none is passed over.

Here, and without the framework that delivers the messages, because what may be acknowledged is decided by our own
database: a message counts as taken in when its outcome is durable, its answer is sent and its offset is saved, in
this order. What a crash leaves in between is delivered again and recorded once, by its ``(source, id)``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from sqlalchemy import select, text

from contracts.faults import Fault
from contracts.kafka_binding import Message, Outgoing, event_of
from contracts.ports import Clock, Store
from contracts.recorded import Outcome, Rejected
from streams.dialect import PASSING
from streams.kafka.answers import answer
from streams.kafka.connecting import AWAY, away_text
from streams.kafka.intake_broker import IntakeBroker, Place
from streams.kafka.tables import INTAKE_POSITIONS, SET_INTAKE_POSITION

T = TypeVar("T")

Record = Callable[[Sequence[tuple[bytes | Rejected, str]]], Sequence[Outcome]]
"""Judges and records events, each the bytes of one JSON object or already rejected, beside the topic it came on: whom
the topic speaks for is this function's to know. Returns one outcome each, in order, all durable. Raises an
UnavailableFault or an error of the database where nothing was recorded for now; anything else is no passing
trouble."""

PAUSE_MAX_S: Final = 5.0
RUN_EVENTS: Final = 1_000
"""Messages that are recorded, answered and saved at once."""

_log = logging.getLogger(__name__)
_FROM_THE_START: Final = text("DELETE FROM intake_positions WHERE topic = :topic AND partition = :partition")


@dataclass(frozen=True, slots=True)
class IntakeCounts:
    """What a line has done since it was made: messages by how they ended, those read again from the broker because
    nobody delivered them, those that had left the topic before anybody read them (or that a topic made anew no longer
    has), and what it is waiting out."""

    recorded: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    read_again: int = 0
    expired: int = 0
    waiting_for: str | None = None


class IntakeLine:
    """Takes in batches of messages. ``handle`` and ``look`` may be called from several threads; they take turns."""

    def __init__(
        self,
        broker: IntakeBroker,
        store: Store,
        record: Record,
        *,
        receipts: str,
        rejections: str,
        clock: Clock,
        on_counts: Callable[[IntakeCounts], None] = lambda counts: None,
        step: Callable[[str], None] = lambda name: None,
    ) -> None:
        """``store`` is the durable one; ``receipts`` and ``rejections`` are topics. ``step`` is called with a name
        before each step that a crash could follow; tests raise from it."""
        self._broker = broker
        self._store = store
        self._record = record
        self._receipts = receipts
        self._rejections = rejections
        self._clock = clock
        self._on_counts = on_counts
        self._step = step
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._next: dict[Place, int] = {}
        self._seen: dict[Place, int] = {}
        self._waiting: dict[Place, int] = {}
        self.counts = IntakeCounts()

    def stop(self) -> None:
        """No longer waits for what is away: a call under way then raises, and its messages come again."""
        self._stopping.set()

    def handle(self, messages: Sequence[Message]) -> None:
        """Takes messages in; when it returns, every one of them and all that were missing before them may be
        acknowledged.

        Messages of one partition are in the order of their offsets; they may come again, and with holes: those are read
        from the broker. Blocks while the database or the broker is away, and only then raises, once stopped, what it
        was waiting out. Raises what ``record`` raised where that is no passing trouble.
        """
        with self._turn:
            try:
                for run in self._runs(messages):
                    self._take(run)
            except BaseException:
                # What was not saved is not known to be taken in.
                self._next.clear()
                raise

    def look(self, topics: Sequence[str]) -> int:
        """Takes in what nobody delivered: messages that already waited at the last look, of partitions whose position
        has not moved since the one before. Returns how many. To be called every few seconds: what is on its way to
        ``handle`` is left to it.

        Raises as ``handle``.
        """
        with self._turn:
            places = self._patiently(lambda: self._broker.places(topics))
            saved = self._positions(topics)
            positions = {place: saved.get(place, 0) for place in places}
            idle = {place: position for place, position in positions.items() if self._seen.get(place) == position}
            self._seen = positions
            found = self._patiently(lambda: self._broker.beyond(idle, RUN_EVENTS)) if idle else []
            waited = [message for message in found if self._waiting.get(_place(message)) == positions[_place(message)]]
            self._waiting = {_place(message): positions[_place(message)] for message in found}
            for place in {_place(message) for message in waited if message.offset < positions[_place(message)]}:
                self._forget(place, positions[place])
            if waited:
                self._take(waited)
            for message in waited:
                if _place(message) in self._next:
                    self._next[_place(message)] = message.offset + 1
            return len(waited)

    # What is taken, in which order

    def _runs(self, messages: Sequence[Message]) -> Iterator[list[Message]]:
        """The messages and those missing between them, in runs to be taken one after the other."""
        run: list[Message] = []
        for message in messages:
            place = _place(message)
            expected = self._next.get(place)
            if expected is None:
                expected = self._first_met(place, message.offset)
            if message.offset > expected:
                yield from _whole(run)
                run = []
                # Another worker may have had the partition in between.
                expected = max(expected, self._first_met(place, message.offset))
                yield from self._missing(place, expected, message.offset)
            run.append(message)
            self._next[place] = message.offset + 1
            if len(run) >= RUN_EVENTS:
                yield run
                run = []
        yield from _whole(run)

    def _first_met(self, place: Place, offset: int) -> int:
        """Where this line goes on with a partition of which it is handed its first message. Never behind that message:
        taking one in again costs nothing but time."""
        position = self._positions([place[0]]).get(place, 0)
        if position > offset and not self._patiently(lambda: self._broker.has(place, position - 1)):
            self._forget(place, position)
            position = 0
        return min(offset, position)

    def _positions(self, topics: Sequence[str]) -> dict[Place, int]:
        """The saved positions of partitions of these topics; one without is not there."""

        def read() -> dict[Place, int]:
            with self._store.read() as connection:
                rows = connection.execute(select(INTAKE_POSITIONS).where(INTAKE_POSITIONS.c.topic.in_(topics)))
                return {(row.topic, row.partition): row.next_offset for row in rows}

        return self._patiently(read)

    def _forget(self, place: Place, position: int) -> None:
        """A partition that ends before its position is another topic's, and counts from 0."""
        _log.warning("%s/%s ends before its position %s: the topic was made anew", *place, position)

        def forget() -> None:
            with self._store.share() as connection:
                connection.execute(_FROM_THE_START, {"topic": place[0], "partition": place[1]})

        self._patiently(forget)

    def _missing(self, place: Place, start: int, end: int) -> Iterator[list[Message]]:
        """The messages from ``start`` up to ``end`` that the broker still has, read by ourselves."""
        first = self._patiently(lambda: self._broker.first(place))
        if first > start and start > 0:
            lost = min(first, end) - start
            _log.error("%s/%s: %s offsets from %s on left the topic before they were read", *place, lost, start)
            self._count(expired=self.counts.expired + lost)
        at = max(start, first)
        while at < end:
            before = at
            run, at = self._patiently(lambda at=at: self._broker.read(place, at, end, RUN_EVENTS))  # type: ignore[misc]
            if at == before:
                told = "%s/%s ends at %s: it was made anew or lost its end, and %s offsets are gone unread"
                _log.error(told, *place, at, end - at)
                self._count(expired=self.counts.expired + end - at)
                return
            if run:
                self._count(read_again=self.counts.read_again + len(run))
                yield run

    def _take(self, run: Sequence[Message]) -> None:
        """Records a run, answers its senders, saves how far it reached."""
        submissions = [(event_of(message), message.topic) for message in run]
        self._step("read")
        outcomes = self._patiently(lambda: self._record(submissions))
        if len(outcomes) != len(run):
            raise RuntimeError(f"{len(run)} messages were recorded with {len(outcomes)} outcomes")
        self._step("recorded")
        at_ms = self._clock() // 1000
        told = [(outcome, answer(outcome, message)) for outcome, message in zip(outcomes, run, strict=True)]
        self._answer(self._receipts, [(at_ms, message) for outcome, message in told if outcome.problem is None])
        self._answer(self._rejections, [(at_ms, message) for outcome, message in told if outcome.problem is not None])
        self._step("answered")
        self._save({_place(message): message.offset + 1 for message in run})
        self._step("saved")
        self._tally(outcomes)

    def _answer(self, topic: str, messages: list[tuple[int, Outgoing]]) -> None:
        if messages:
            self._patiently(lambda: self._broker.send(topic, messages))

    def _save(self, reached: dict[Place, int]) -> None:
        rows = [
            {"topic": topic, "partition": partition, "next_offset": offset}
            # In one order whoever saves, so that no two wait for each other.
            for (topic, partition), offset in sorted(reached.items())
        ]

        def save() -> None:
            with self._store.share() as connection:
                connection.execute(SET_INTAKE_POSITION, rows)

        self._patiently(save)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Tries again, with growing pauses, for as long as something is away; raises that once stopped."""
        pause_s = 0.05
        while True:
            try:
                done = work()
            except (*AWAY, *PASSING, Fault) as error:
                if isinstance(error, Fault) and error.problem.family != "unavailable":
                    raise
                self._count(waiting_for=error.problem.detail if isinstance(error, Fault) else away_text(error))
                if self._stopping.wait(pause_s):
                    raise
                pause_s = min(PAUSE_MAX_S, 2 * pause_s)
            else:
                if self.counts.waiting_for is not None:
                    self._count(waiting_for=None)
                return done

    def _tally(self, outcomes: Iterable[Outcome]) -> None:
        counts = {"recorded": 0, "duplicate": 0, "conflict": 0, "rejected": 0}
        for outcome in outcomes:
            counts[outcome.status] += 1
        self._count(**{status: getattr(self.counts, status) + n for status, n in counts.items()})

    def _count(self, **changed: int | str | None) -> None:
        self.counts = replace(self.counts, **changed)  # type: ignore[arg-type]
        self._on_counts(self.counts)


def _place(message: Message) -> Place:
    return message.topic, message.partition


def _whole(run: list[Message]) -> Iterator[list[Message]]:
    if run:
        yield run
