"""What the ledger asks of whatever keeps it: a snapshot to ask, an open transaction to write to.

They are here so that the ledger, its batches, its reader and its checks are written once. SQL that both databases
understand is given with ``?`` for its parameters; what they say differently has a name of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from contracts.faults import UnavailableFault
from contracts.ports import Store

T = TypeVar("T")

Row = tuple[Any, ...]


class Found(Protocol):
    """The rows of one question."""

    def __iter__(self) -> Iterator[Row]: ...

    def fetchone(self) -> Row | None: ...

    def fetchmany(self, size: int, /) -> list[Row]: ...

    def fetchall(self) -> list[Row]: ...


class Asking(Protocol):
    """One consistent snapshot of the ledger, or the open transaction with all that it has written so far."""

    def ask(self, sql: str, parameters: Sequence[object] = (), /) -> Found:
        """The rows of a question, all at hand or read as they are asked for."""
        ...

    def stream(self, sql: str, parameters: Sequence[object] = (), /) -> Found:
        """The rows of a question too large for memory."""
        ...

    def among(self, column: str) -> str:
        """A condition with one parameter: the column is one of the ``numbers``."""
        ...

    def numbers(self, values: Iterable[int]) -> object:
        """The parameter of ``among``."""
        ...

    def matching(self, sql: str, texts: Sequence[str]) -> Iterator[Row]:
        """The rows of a question in which ``{texts}`` stands for the list that a column may be one of."""
        ...

    def unindexed(self) -> str:
        """What to put after the name of a table so that its rows are asked, not an index of them."""
        ...

    def damages(self, limit: int) -> Iterator[str]:
        """What the database itself finds wrong with its tables and indexes, in sentences; at most ``limit``."""
        ...


class Taken(Exception):
    """A row that may stand once stands already; what was to be inserted with it has been taken back."""


class Writing(Asking, Protocol):
    """The open write transaction on the log: nobody else writes to it until it ends."""

    def head(self) -> tuple[int, int, bytes]:
        """(log_index, recorded_at_us, frontier) as they were before this transaction."""
        ...

    def intern(self, texts: Sequence[str]) -> Iterable[Row]:
        """(text, id) of these different texts; those that are new have been added to the names, in this order."""
        ...

    def expected(self, keys: Sequence[str]) -> Iterator[Row]:
        """(key, log_index, recorded_at_us, digest) of those identities that are recorded already: of all that are
        where a refused insertion is dear, at least of decisions where it is cheap."""
        ...

    def together(self) -> AbstractContextManager[object]:
        """Statements executed inside need not wait for each other's answer; what any of them raises, this does."""
        ...

    def statements(self, rows: list[Row]) -> None:
        """Insert rows of statements: (log_index, time_us, recorded_at_us, topic, subject, source, agency ids,
        originator_id, digest, body). Raises Taken."""
        ...

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> None:
        """One statement."""
        ...

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]], /) -> None:
        """One statement for each row."""
        ...

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert many rows that came from another ledger, as they are."""
        ...

    def keep_rejection(self, columns: Sequence[str], row: Sequence[object]) -> None:
        """Keep a rejection, or count it once more where the same was kept before."""
        ...


class TurnTaken(Exception):
    """Another is writing, and the caller would not wait."""


class BackEnd(Protocol):
    """An open ledger's database. Threads may share it."""

    bodies_at_once: int
    """How many bodies one question of a stream of them asks for."""

    def answer(self, question: Callable[[Asking], T]) -> T:
        """What a question finds in one snapshot. It may be asked again where a connection is lost, so it must change
        nothing; what it returns must not read on."""
        ...

    def snapshot(self) -> AbstractContextManager[Asking]:
        """One snapshot for as long as the context is open, however long that takes."""
        ...

    def transact(self, work: Callable[[Writing], T], *, wait: bool) -> T:
        """Do some work on the log in one transaction, durable when this returns; nothing of it is kept when this
        raises. The work may be done again from its beginning where a transaction is lost before its commit.

        Raises TurnTaken at once where another writes and ``wait`` is off.
        """
        ...

    def store(self) -> Store:
        """The same database for those who keep rows of their own in it."""
        ...

    def fault(self, error: Exception) -> UnavailableFault | None:
        """What the database could not do, as something the caller may try again; None for another's error, and for
        what it would refuse again."""
        ...

    def is_damage(self, error: Exception) -> bool:
        """Whether the database says with it that what it keeps cannot be read, now or later."""
        ...

    def close(self) -> None:
        """Close every connection. Nothing may be under way."""
        ...


def recorded_statements(asking: Asking, keys: Sequence[str]) -> Iterator[Row]:
    """(key, log_index, recorded_at_us, digest) of those statements that are in the log."""
    return asking.matching(
        "SELECT originator_id, log_index, recorded_at_us, digest FROM log "
        "WHERE originator_version = 1 AND originator_id {texts}",
        keys,
    )
