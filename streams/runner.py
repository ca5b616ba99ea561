"""The in-process line: follows the log and drives one projector, a transaction a batch.

Here because views and position must commit together (so that a kill at any point leaves both or neither),
and because what happens to an event that cannot be applied must be decided in one place: retried, parked,
or the line stopped.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.faults import Fault, fault
from contracts.ports import Clock, LogReader, Progress, Projector, Store
from contracts.recorded import Recorded
from streams.feeding import TRANSIENT, Feeder
from streams.lag import Lag, measure
from streams.place import digest_at, place
from streams.quarantine import Brake, Shelf, error_text
from streams.subscription import Subscription
from streams.tables import BRAKES, POSITIONS, make_missing

T = TypeVar("T")

REBUILD_FROM_EVENTS = 10_000
"""From how many events on a projector that stands at 0 is rebuilt rather than fed batch by batch."""


PASSING = ("views_behind", "views_in_use")
"""Faults that pass by themselves: the line waits and looks again."""


@runtime_checkable
class Rebuildable(Protocol):
    """A projector that can also make everything again from the log at once."""

    def rebuild(
        self,
        store: Store,
        reader: LogReader,
        *,
        upto: int | None = None,
        progress: Progress | None = None,
        done: Callable[[Connection, int], None] | None = None,
    ) -> int:
        """In one transaction, calling ``done`` at its end; returns the log_index reached."""
        ...


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to: events ``applied``, and events ``left`` in quarantine under the keys asked
    for."""

    applied: int
    left: int


class Runner:
    """Drives one projector. ``step``, ``catch_up``, ``rebuild`` and ``replay`` may be called while it runs:
    the store lets one transaction write at a time, and each looks at the position inside its own.

    ``clock`` gives UTC microseconds; ``sleep`` is how it waits between tries.
    """

    def __init__(
        self,
        reader: LogReader,
        store: Store,
        projector: Projector,
        *,
        clock: Clock,
        batch_limit: int = 2_000,
        poll_s: float = 1.0,
        refresh_every_s: float = 0.5,
        brake_keys: int = 25,
        brake_window: int = 100,
        retries: int = 5,
        sleep: Callable[[float], None] = time.sleep,
        moved: threading.Condition | None = None,
    ) -> None:
        """``moved`` is told of every change of the position; one of its own where none is given."""
        self._reader = reader
        self._store = store
        self._projector = projector
        self._clock = clock
        self._subscription = Subscription(reader, limit=batch_limit, poll_s=poll_s)
        self._refresh_every_us = int(refresh_every_s * 1_000_000)
        self._brake = Brake(keys_max=brake_keys, window=brake_window)
        self._retries = retries
        self._sleep = sleep
        self._shelf = Shelf(projector.name)
        self._feeder = Feeder(projector, reader, self._shelf, clock)
        self._prepared = False
        self._braked = False
        self._stale = True
        self._refreshed_at_us: int | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._moved = moved or threading.Condition()
        self.fault: BaseException | None = None
        """Why the thread stands still or stumbles; None while all is well."""

    # One batch

    def step(self, upto: int | None = None) -> int:
        """Takes in the next batch, applied or parked, and returns how many events it held (0 at the head, or at
        ``upto``).

        Raises the fault ``projection_stopped`` when the brake is applied, ``views_behind`` when the
        database stays busy, ``integrity_broken`` when the log has a hole. The position is then where it
        was.
        """
        self.prepare()
        while (events := self._patiently(partial(self._step, upto))) is None:
            # Somebody else took the batch in meanwhile (a rebuild, another step): look again.
            continue
        return events

    def prepare(self) -> None:
        """Makes the tables, and starts the projector over if its version has changed. Idempotent."""
        if not self._prepared:
            self._patiently(self._prepare)
            self._prepared = True

    def catch_up(self, progress: Progress | None = None, *, upto: int | None = None) -> int:
        """Takes in everything up to the head, or up to a log_index, then refreshes; returns how many events that were.

        A projector that stands at 0 before a long log is rebuilt, if it can be; should the rebuild meet an
        event it cannot apply, the log is followed batch by batch instead, so that the event is parked.
        Raises as ``step``.
        """
        self.prepare()
        taken = self._from_nothing(progress, upto)
        while events := self.step(upto):
            taken += events
            if progress is not None:
                position = self.position()
                progress(position, max(position, self._reader.head().log_index))
        self._refresh()
        return taken

    def rebuild(self, progress: Progress | None = None, *, upto: int | None = None) -> int:
        """Makes every view again from the log, or from what it holds up to a log_index, and empties the quarantine;
        returns the log_index reached.

        Readers see the old views until the new ones are committed together with the position. Raises
        RuntimeError if the projector cannot be rebuilt, and whatever it raises on an event it cannot apply.
        """
        self.prepare()
        if not isinstance(self._projector, Rebuildable):
            raise TypeError(f"{self._projector.name} cannot be rebuilt at once")
        reached = self._projector.rebuild(self._store, self._reader, upto=upto, progress=progress, done=self._rebuilt)
        self._braked = False
        self._refresh()
        self._tell()
        return reached

    def replay(self, key: str | None = None) -> Replayed:
        """Applies parked events again, of one key or of all, each key in order and in a transaction of its
        own.

        What can be applied leaves the quarantine; a key stops at the first event that still cannot be.
        """
        self.prepare()
        with self._store.read() as connection:
            keys = self._shelf.keys(connection)
        applied = left = 0
        for parked in sorted(keys if key is None else keys & {key}):
            done, kept = self._patiently(partial(self._replay, parked))
            applied, left = applied + done, left + kept
        if applied:
            self._refresh()
        return Replayed(applied, left)

    def position(self) -> int:
        """The last log_index that was applied or parked; 0 before the first."""
        with self._store.read() as connection:
            return place(connection, self._projector.name).log_index

    def lag(self) -> Lag:
        """How far the views are behind the log."""
        return measure(self._reader, self.position(), self._clock())

    # On a thread

    def start(self) -> None:
        """Follows the log on a thread until ``stop``. Idempotent."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name=f"line-{self._projector.name}", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Says that something was recorded. Cheap, from any thread."""
        self._subscription.wake()

    def stop(self) -> None:
        """Ends the thread after the batch it is in."""
        if self._thread is not None:
            self._stopping.set()
            self._subscription.wake()
            self._thread.join()
            self._thread = None

    def wait_for(self, log_index: int, timeout_s: float) -> bool:
        """Waits until the position has reached ``log_index``, or the line stands still; whether it has."""
        with self._moved:
            self._moved.wait_for(lambda: self.position() >= log_index or self._standing_still(), timeout=timeout_s)
        return self.position() >= log_index

    def _standing_still(self) -> bool:
        return self._thread is None or not self._thread.is_alive()

    def alive(self) -> bool:
        """Whether its thread follows the log."""
        return not self._standing_still()

    def _run(self) -> None:
        try:
            self.follow(self._stopping.is_set)
        finally:
            self._tell()

    def follow(self, leave: Callable[[], bool]) -> None:
        """Follows the log on the calling thread until ``leave`` says so, which is asked before every batch, or the
        line has to stand still: ``fault`` then says why."""
        first = True
        while not leave():
            try:
                taken = 0
                if first:
                    self.prepare()
                    taken = self._from_nothing(None, None)
                    first = False
                taken = taken or self.step()
                self.fault = None
            except Fault as stopped:
                self.fault = stopped
                if stopped.problem.code not in PASSING:
                    return
                taken = 0
            except Exception as error:  # noqa: BLE001 - kept for those who ask why the line stands still
                self.fault = error
                return
            try:
                self._refresh(when_due=True)
            except Exception as error:  # noqa: BLE001 - cells that cannot be refreshed must not stop the rows
                self.fault = error
                self._refreshed_at_us = self._clock()
            if taken == 0:
                self._subscription.wait(self._until_refresh_s())

    # Inside

    def _step(self, upto: int | None = None) -> int | None:
        """How many events the next batch held; None where the position moved under it."""
        position = self.position()
        batch = self._subscription.after(position)
        if upto is not None:
            batch = [event for event in batch if event.log_index <= upto]
        if not batch:
            return 0
        try:
            brake = self._brake.copy()
            with self._store.write() as connection:
                if self._position(connection) != position:
                    return None
                self._feeder.take_in(connection, batch, brake)
                self._set_position(connection, batch[-1])
                if self._braked:
                    connection.execute(BRAKES.delete().where(BRAKES.c.name == self._projector.name))
            self._brake, self._braked = brake, False
        except Fault as stopped:
            if stopped.problem.code == "projection_stopped":
                self._apply_brake(position, stopped)
            raise
        self._stale = True
        self._tell()
        return len(batch)

    def _replay(self, key: str) -> tuple[int, int]:
        with self._store.write() as connection:
            return self._feeder.replay(connection, key)

    def _from_nothing(self, progress: Progress | None, upto: int | None) -> int:
        """Rebuilds a projector that stands at 0 before a long log; how many events that took in."""
        head = self._reader.head().log_index
        if self.position() or (head if upto is None else min(head, upto)) < REBUILD_FROM_EVENTS:
            return 0
        if not isinstance(self._projector, Rebuildable):
            return 0
        try:
            return self._patiently(lambda: self.rebuild(progress, upto=upto))
        except Fault:
            raise
        except Exception:  # noqa: BLE001 - followed batch by batch, the event that caused it will be parked
            return 0

    def _prepare(self) -> None:
        projector = self._projector
        with self._store.write() as connection:
            make_missing(connection)
            projector.prepare(connection)
            query = select(POSITIONS.c.version).where(POSITIONS.c.name == projector.name)
            version = connection.scalar(query)
            if version != projector.version:
                if version is not None:
                    projector.reset(connection)
                self._rebuilt(connection, 0)
            query = select(BRAKES.c.name).where(BRAKES.c.name == projector.name)
            self._braked = connection.scalar(query) is not None

    def _rebuilt(self, connection: Connection, log_index: int) -> None:
        """Sets the position in the transaction that made the views anew, and empties the quarantine: what was
        parked up to there has been applied, what lies behind it is read again."""
        name, version = self._projector.name, self._projector.version
        connection.execute(POSITIONS.delete().where(POSITIONS.c.name == name))
        digest = digest_at(self._reader, log_index)
        here = {"name": name, "version": version, "log_index": log_index, "digest": digest}
        connection.execute(POSITIONS.insert(), here)
        connection.execute(BRAKES.delete().where(BRAKES.c.name == name))
        self._shelf.clear(connection)

    def _position(self, connection: Connection) -> int:
        query = select(POSITIONS.c.log_index).where(POSITIONS.c.name == self._projector.name)
        return connection.scalar(query) or 0

    def _set_position(self, connection: Connection, last: Recorded) -> None:
        where = POSITIONS.c.name == self._projector.name
        there = {"log_index": last.log_index, "digest": last.digest.hex()}
        connection.execute(POSITIONS.update().where(where).values(there))

    def _apply_brake(self, position: int, stopped: Fault) -> None:
        """Leaves word, for those who look from outside, of why the line stands still."""
        name = self._projector.name
        with self._store.write() as connection:
            connection.execute(BRAKES.delete().where(BRAKES.c.name == name))
            connection.execute(
                BRAKES.insert(),
                {
                    "name": name,
                    "log_index": position,
                    "reason": stopped.problem.detail,
                    "stopped_at_us": self._clock(),
                },
            )
        self._braked = True

    def _refresh(self, *, when_due: bool = False) -> None:
        if not self._stale or (when_due and self._until_refresh_s() > 0):
            return
        self._stale = False
        try:
            self._patiently(lambda: self._projector.refresh(self._store, self._reader, self._clock()))
        except BaseException:
            self._stale = True
            raise
        self._refreshed_at_us = self._clock()

    def _until_refresh_s(self) -> float:
        """How long a due refresh still has to wait; 0 if it may happen now, a long time if none is due."""
        if not self._stale:
            return float("inf")
        if self._refreshed_at_us is None:
            return 0.0
        due_us = self._refreshed_at_us + self._refresh_every_us
        return max(0, due_us - self._clock()) / 1_000_000

    def _patiently(self, work: Callable[[], T]) -> T:
        """Tries again, with growing pauses, while the database is busy; then raises ``views_behind``."""
        for attempt in range(self._retries + 1):
            try:
                return work()
            except TRANSIENT as error:
                if attempt == self._retries:
                    raise fault("views_behind", error_text(error)) from error
                self._sleep(min(5.0, 0.05 * 2**attempt))
        raise AssertionError("unreachable")

    def _tell(self) -> None:
        with self._moved:
            self._moved.notify_all()
