"""The protocols by which one room uses another without importing it.

Each docstring states obligations: what may block, what may be raised, what must be idempotent. ``ops`` wires
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from contracts.event_ids import EventIds
from contracts.recorded import Gist, Head, Recorded

if TYPE_CHECKING:
    # For annotations alone: a process that only serves need not hold these in memory.
    import numpy as np
    import numpy.typing as npt
    from sqlalchemy.engine import Connection

Clock = Callable[[], int]
"""Returns now as UTC microseconds since the Unix epoch. Passed in, never read from a module."""

Progress = Callable[[int, int], None]
"""Called with (done, total) events; must be cheap and must not raise."""


@dataclass(frozen=True, slots=True)
class HotColumns:
    """A run of the log as typed columns, one array element an event, ordered by log_index.

    ``log_index`` int64; ``type_id``, ``subject_id``, ``source_id``, ``agency_id`` int64 keys into the
    reader's name table; ``time_us`` and ``recorded_at_us`` int64; ``time_us`` holds NO_TIME where the moment
    is unknown; ``supersedes`` tells which events name another that they supersede; ``ids`` are the senders'
    ids of the events, by position in the run.
    """

    log_index: npt.NDArray[np.int64]
    type_id: npt.NDArray[np.int64]
    subject_id: npt.NDArray[np.int64]
    source_id: npt.NDArray[np.int64]
    agency_id: npt.NDArray[np.int64]
    time_us: npt.NDArray[np.int64]
    recorded_at_us: npt.NDArray[np.int64]
    supersedes: npt.NDArray[np.bool_]
    ids: EventIds


NO_TIME = -(2**63)
"""The value of ``HotColumns.time_us`` for an event whose moment is unknown."""


class LogReader(Protocol):
    """Reads the recorded log.

    Never blocks on a writer, never returns an uncommitted event, never skips one.
    """

    def head(self) -> Head: ...

    def after(self, log_index: int, limit: int) -> Sequence[Recorded]:
        """At most ``limit`` events with a greater log_index, in order and without a hole."""
        ...

    def at(self, log_indexes: Sequence[int]) -> Sequence[Recorded]:
        """The named events, ordered by log_index; absent ones are left out."""
        ...

    def by_subject(self, subjects: Sequence[str], upto: int) -> Sequence[Recorded]:
        """Every event about these subjects with log_index <= upto, ordered by log_index."""
        ...

    def about(self, subjects: Sequence[str], upto: int) -> Sequence[int]:
        """The log_index of every event about these subjects that is <= upto, ascending; reads no event
        bodies."""
        ...

    def gists(self, log_indexes: Sequence[int]) -> Sequence[Gist]:
        """What a fold needs of the named events, ordered by log_index; absent ones are left out."""
        ...

    def by_identity(self, identities: Sequence[tuple[str, str]], upto: int) -> Sequence[Recorded]:
        """The events with these ``(source, id)`` and log_index <= upto, ordered by log_index."""
        ...

    def search(
        self,
        *,
        after: int,
        limit: int,
        upto: int,
        subject: str | None = None,
        topics: Sequence[str] | None = None,
        agency: str | None = None,
    ) -> Sequence[Recorded]:
        """At most ``limit`` events with ``after < log_index <= upto`` that match everything given, in order.
        ``topics`` are type names with their version (``call.received.v1``); none of them match an empty list."""
        ...

    def upto_moment(self, moment_us: int) -> int:
        """The greatest log_index whose recorded_at_us <= moment_us (0 if none)."""
        ...

    def hot_columns(self, after: int, upto: int) -> HotColumns:
        """The typed columns of ``after < log_index <= upto``; reads no event bodies."""
        ...

    def names(self) -> dict[int, str]:
        """The name table behind the ids of ``hot_columns``: id -> text, for types (``call.received.v1``),
        subjects, sources and agencies alike."""
        ...

    def bodies(self, log_indexes: npt.NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """(log_index, canonical bytes) of the named events in ascending order of log_index, streamed."""
        ...


class Store(Protocol):
    """Where views, positions and quarantine live.

    One writer at a time, or several sharers beside each other; readers see one consistent snapshot each.
    """

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that commits on a clean exit and rolls back on any exception: the only one that writes,
        neither another ``write`` nor a ``share`` runs beside it.

        May block on those that do.
        """
        ...

    def share(self) -> AbstractContextManager[Connection]:
        """A write transaction beside other sharers, which must then keep out of each other's rows by themselves;
        never beside ``write``. Commits and rolls back as that does, and where a store knows one writer alone, it
        is the same.
        """
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A read-only snapshot, stable for as long as the context is open. Never blocks on a writer."""
        ...


GenerationState = Literal["building", "live", "kept"]
"""``building`` until it is switched to; ``kept`` beside the live one, so that it can be switched back to."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One set of views: its number, the ``version`` it was begun for, since when, and the log_index it had
    reached when that was last noted (its position says where it stands)."""

    number: int
    version: str
    state: GenerationState
    began_at_us: int
    log_index: int


def views_name(number: int) -> str:
    """The name of the projector that makes a generation: positions and quarantine are kept under it."""
    return f"views.{number}"


class Followed(Protocol):
    """What whoever follows the log has to know of generations: which one to write, and where it is."""

    def live(self) -> int:
        """See ``Generations``."""
        ...

    def store(self, number: int) -> Store:
        """See ``Generations``."""
        ...


class Generations(Protocol):
    """The sets of views beside each other, one of which is live: what is read. Numbers only ever rise.

    Every method may be called from any thread, and sees what other processes did.
    """

    def live(self) -> int:
        """The number of the live generation; 0 where none has been made."""
        ...

    def store(self, number: int) -> Store:
        """The store of one generation, whichever is live. Its writers raise the fault ``views_in_use`` at once where
        another process writes that generation and the back end knows one writer alone."""
        ...

    def live_store(self) -> Store:
        """The store of whichever generation is live when a transaction begins: a switch is seen by the next one,
        and one under way goes on with what it has."""
        ...

    def begin(self, version: str) -> int:
        """Makes a new, empty generation, in state ``building``, and returns its number. Becomes live at once where
        there is none."""
        ...

    def switch(self, number: int) -> None:
        """Makes one live, atomically and durably, keeps the one that was, and releases the new one. Raises the fault
        ``generation_unknown``."""
        ...

    def list(self) -> Sequence[Generation]:
        """Every generation, by number."""
        ...

    def release(self, number: int) -> None:
        """Gives up what this process holds to write one, so that others may; writing it takes it again. Idempotent."""
        ...

    def drop(self, number: int) -> None:
        """Removes one and all of its rows; nothing where there is none. Raises the faults ``generation_live`` where
        it is the live one, and ``views_in_use`` where another process writes it."""
        ...

    def close(self) -> None:
        """Closes what is open. No transaction may be under way."""
        ...


class Projector(Protocol):
    """What a runner drives. ``apply`` must be idempotent for a batch delivered again."""

    name: str
    version: str

    def prepare(self, connection: Connection) -> None:
        """Create what is missing. Idempotent."""
        ...

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        """Fold a batch into the views inside the caller's transaction. Raises on an event it cannot apply."""
        ...

    def refresh(self, store: Store, reader: LogReader, now_us: int) -> int:
        """Bring what is derived from the views (cells) up to date outside the batch; returns how many cells
        changed.
        """
        ...

    def reset(self, connection: Connection) -> None:
        """Empty every view of this projector, so that it can be built again from the log."""
        ...

    def key(self, event: Recorded) -> str:
        """The key under which this event would be quarantined; events of one key are kept in order."""
        ...


@dataclass(frozen=True, slots=True)
class Reach:
    """What a batch of some partitions touches beyond those partitions' own rows: the rows about ``subjects`` that it
    takes events away from; where ``shared``, rows that events of any partition may be about; where ``alone``, rows that
    nobody can name yet, so that no other partition may be applied beside it."""

    subjects: frozenset[str]
    shared: bool
    alone: bool


Applied = Callable[[str, int], int]
"""Asked with a subject and the greatest log_index of the events being applied: up to which log_index the events about
that subject are applied, these included."""


class Applier(Protocol):
    """What applies events inside a transaction that is somebody else's."""

    def apply(self, connection: Connection, batch: Sequence[Recorded], reader: LogReader) -> None:
        """Fold a batch into the views. Raises on an event it cannot apply, and has then noted nothing of it that the
        caller's rollback does not take back."""
        ...

    def key(self, event: Recorded) -> str:
        """The key under which this event would be quarantined; events of one key are kept in order."""
        ...


class Turn(Applier, Protocol):
    """One transaction, of one partition or of several whose events then come in the order of the log."""

    def finish(self, connection: Connection) -> None:
        """Writes what partitions share, last and in one order, so that they wait for each other briefly and never in a
        circle."""
        ...


class PartitionedProjector(Protocol):
    """A projector whose partitions are applied beside each other, each in order and by one turn at a time.

    The caller locks, in this transaction and before ``turn``, every partition that ``reach`` names.
    """

    name: str
    version: str

    def key(self, event: Recorded) -> str:
        """The key under which this event would be quarantined: its subject, so that a key is of one partition."""
        ...

    def reach(self, batch: Sequence[Recorded], reader: LogReader) -> Reach:
        """What a batch would touch, by what the log holds now. Writes nothing."""
        ...

    def turn(self, applied: Applied) -> Turn:
        """What applies the events of one transaction."""
        ...


class IntakePort(Protocol):
    """One call in which HTTP, files and streams end. See ``domain.sequencer``."""

    def submit(self, submissions: Sequence[Any], done: Callable[[Any], None]) -> None: ...
