"""Where recorded events wait that a projection could not apply, and the brake that keeps them few.

Here because one bad event must not stop everybody's numbers, and a bad projection must not send everything
here: the first is parked under its key with what comes after it, the second stops the line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, delete, func, insert, inspect, select, true, update
from sqlalchemy.engine import Connection

from contracts.faults import fault
from contracts.ports import Store
from contracts.recorded import Recorded
from streams.tables import BRAKES, QUARANTINE

ERROR_CHARS_MAX = 2_000
"""How much of an error's text is kept."""


@dataclass(frozen=True, slots=True)
class Parked:
    """One event in quarantine. ``error`` is None for an event that only waits behind another of its key."""

    name: str
    log_index: int
    key: str
    source: str
    id: str
    type: str
    error: str | None
    parked_at_us: int
    attempts: int


class Quarantine:
    """What is parked in a store, for those who look; a runner parks and replays."""

    def __init__(self, store: Store, name: Callable[[], str] | None = None) -> None:
        """``name`` tells whose: the projector that is read at the moment; everybody's where none is given."""
        self._store = store
        self._name = name

    def _whose(self, table: Table) -> ColumnElement[bool]:
        return true() if self._name is None else table.c.name == self._name()

    def count(self) -> int:
        """How many events are parked."""
        whose = self._whose(QUARANTINE)
        with self._store.read() as connection:
            if not _has_tables(connection):
                return 0
            return connection.scalar(select(func.count()).select_from(QUARANTINE).where(whose)) or 0

    def braked(self) -> bool:
        """Whether a line stands still because too much could not be applied."""
        return self.brake() is not None

    def brake(self) -> str | None:
        """Why a line stands still, or None."""
        query = select(BRAKES.c.reason).where(self._whose(BRAKES)).limit(1)
        with self._store.read() as connection:
            return connection.scalar(query) if _has_tables(connection) else None

    def parked(self, *, key: str | None = None, after: int = 0, limit: int | None = None) -> list[Parked]:
        """The parked events in the order of the log, of one key or of all, from behind ``after`` on."""
        whose = self._whose(QUARANTINE)
        with self._store.read() as connection:
            if not _has_tables(connection):
                return []
            query = select(QUARANTINE).where(whose, QUARANTINE.c.log_index > after)
            if key is not None:
                query = query.where(QUARANTINE.c.key == key)
            rows = connection.execute(query.order_by(QUARANTINE.c.log_index).limit(limit))
            return [Parked(*row) for row in rows]


class Shelf:
    """A runner's own view of the quarantine, always inside its transaction."""

    def __init__(self, name: str) -> None:
        self._name = name

    def keys(self, connection: Connection) -> set[str]:
        """The keys under which something is parked."""
        query = select(QUARANTINE.c.key).where(QUARANTINE.c.name == self._name).distinct()
        return set(connection.scalars(query))

    def in_order(self, connection: Connection, key: str) -> list[int]:
        """The log_indexes parked under a key, in order."""
        query = select(QUARANTINE.c.log_index).where(self._under(key)).order_by(QUARANTINE.c.log_index)
        return list(connection.scalars(query))

    def park(self, connection: Connection, event: Recorded, key: str, error: Exception | None, now_us: int) -> None:
        """Parks an event with the error it met, or with None behind others of its key. One that is parked already
        stays parked, as it was met last: meeting an event twice must not stop the line."""
        told, met = (None, 0) if error is None else (error_text(error), 1)
        again = (
            update(QUARANTINE)
            .where(QUARANTINE.c.name == self._name, QUARANTINE.c.log_index == event.log_index)
            .values(key=key, error=told, attempts=QUARANTINE.c.attempts + met)
        )
        # One line or worker parks what is of a partition, so nobody comes between the two statements.
        if connection.execute(again).rowcount:
            return
        connection.execute(
            insert(QUARANTINE).values(
                name=self._name,
                log_index=event.log_index,
                key=key,
                source=event.source,
                event_id=event.id,
                type=event.type,
                error=told,
                parked_at_us=now_us,
                attempts=met,
            )
        )

    def failed_again(self, connection: Connection, log_index: int, error: Exception) -> None:
        """Notes that a replay met an error."""
        connection.execute(
            update(QUARANTINE)
            .where(QUARANTINE.c.name == self._name, QUARANTINE.c.log_index == log_index)
            .values(error=error_text(error), attempts=QUARANTINE.c.attempts + 1)
        )

    def remove(self, connection: Connection, log_indexes: Sequence[int]) -> None:
        """Takes applied events out."""
        for log_index in log_indexes:
            connection.execute(
                delete(QUARANTINE).where(QUARANTINE.c.name == self._name, QUARANTINE.c.log_index == log_index)
            )

    def clear(self, connection: Connection) -> None:
        """Takes everything out, when the projector has been made anew."""
        connection.execute(delete(QUARANTINE).where(QUARANTINE.c.name == self._name))

    def _under(self, key: str) -> ColumnElement[bool]:
        return (QUARANTINE.c.name == self._name) & (QUARANTINE.c.key == key)


class Brake:
    """Stops the line when it looks as if the projection were broken rather than the events.

    That is when more than ``keys_max`` keys are in quarantine, or when more than half of the last
    ``window`` events could not be applied.
    """

    def __init__(self, *, keys_max: int = 25, window: int = 100) -> None:
        self._keys_max = keys_max
        self._window = window
        self._failed: deque[bool] = deque(maxlen=window)

    def copy(self) -> Brake:
        """A brake that remembers the same, to be kept only if its transaction commits."""
        twin = Brake(keys_max=self._keys_max, window=self._window)
        twin._failed.extend(self._failed)
        return twin

    def applied(self, events: int) -> None:
        """So many events could be applied."""
        self._failed.extend(False for _ in range(min(events, self._window)))

    def failed(self, keys: Iterable[str]) -> None:
        """One more event could not; ``keys`` are all that are now in quarantine. Raises
        ``projection_stopped``."""
        self._failed.append(True)
        parked = len(set(keys))
        if parked > self._keys_max:
            raise _stopped(f"{parked} keys could not be applied; the limit is {self._keys_max}.")
        failures = sum(self._failed)
        if failures > self._window // 2:
            raise _stopped(f"{failures} of the last {len(self._failed)} events could not be applied.")


def error_text(error: BaseException) -> str:
    """How an error is kept: its kind and its sentence, cut to a sensible length."""
    return f"{type(error).__name__}: {error}"[:ERROR_CHARS_MAX]


def _stopped(detail: str) -> Exception:
    return fault("projection_stopped", detail)


def _has_tables(connection: Connection) -> bool:
    """A home opened only to be read may never have had a line."""
    return inspect(connection).has_table(QUARANTINE.name)
