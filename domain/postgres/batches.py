"""Batches on PostgreSQL: one transaction each under the head's row lock, tried again when it is lost, and asked
after when its commit is.

It is here because a connection may end while COMMIT is on its way: the batch is then recorded or it is not, and only
the server knows. Sending it again would answer "duplicate" for what this very batch recorded. So each batch leaves its
number in its own transaction, and when its commit is lost that is looked for, as soon as the transaction has ended.
The transaction's id tells that it has ended and no more: a server that was killed forgets the ids of what it lost, and
gives them to others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, TypeVar

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from contracts.faults import UnavailableFault, problem
from domain.back_end import Row, TurnTaken, Writing
from domain.postgres.asking import PostgresWriting
from domain.postgres.sessions import LOST, Session, Sessions, is_passing, told

T = TypeVar("T")

Fate = Literal["committed", "aborted", "unknown"]

PAUSE_FIRST_S = 0.02
PAUSE_LARGEST_S = 1.0
RETRY_AFTER_S = 1
FORGOTTEN_AFTER_TRANSACTIONS = 1_000_000
HANGS_AFTER_S = 1.0
"""A lost transaction that is still in progress then belongs to a session that nobody talks to: it is ended."""

# Whoever holds this row writes. It is held until the transaction has ended and is visible, so the next writer sees all
# that came before, and a reader never sees a later event without an earlier one. READ COMMITTED on purpose: each
# statement after the lock sees what the writer before has committed.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_HEAD = (
    "WITH marked AS (INSERT INTO writers (name, batch) VALUES (%s, %s) "
    "ON CONFLICT (name) DO UPDATE SET batch = excluded.batch) "
    "SELECT pg_current_xact_id()::text, pg_backend_pid(), log_index, recorded_at_us, frontier "
    "FROM head FOR NO KEY UPDATE"
)


class _Lost(Exception):
    """The attempt is undone, and another may succeed."""


class Batches:
    """Owns the one session of this process that writes to the log. Used by one thread at a time."""

    def __init__(self, sessions: Sessions, writer: str) -> None:
        """Opens no session yet. ``writer`` is a name that no other process has or had."""
        self._sessions = sessions
        self._writer = writer
        self._number = 0
        self._session: Session | None = None

    def transact(self, work: Callable[[Writing], T], *, wait: bool) -> T:
        """As ``BackEnd.transact`` says.

        Raises UnavailableFault ``database_unavailable`` where no attempt succeeded within the limits' patience, or
        where it could not be learnt whether the last one was committed.
        """
        deadline = time.monotonic() + self._sessions.limits.patience_s
        pause = PAUSE_FIRST_S
        while True:
            try:
                return self._attempt(work, wait, deadline)
            except _Lost as lost:
                cause = lost.__cause__
                if time.monotonic() + pause > deadline:
                    raise UnavailableFault(
                        problem(
                            "database_unavailable",
                            f"PostgreSQL says: {told(cause if isinstance(cause, Exception) else lost)}",
                            retry_after_s=RETRY_AFTER_S,
                        )
                    ) from cause
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_LARGEST_S)

    def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _attempt(self, work: Callable[[Writing], T], wait: bool, deadline: float) -> T:
        session: Session | None = None
        try:
            session = self._open()
            session.execute(_BEGIN)
            xid, pid, *head = self._take_turn(session, wait)
            result = work(PostgresWriting(session, (head[0], head[1], head[2])))
        except BaseException as error:
            if session is not None:
                self._undo(session)
            if isinstance(error, Exception) and is_passing(error, session):
                raise _Lost from error
            raise
        try:
            ended = session.execute("COMMIT").statusmessage
        except BaseException as error:
            self.close()
            if not isinstance(error, psycopg.Error):
                raise
            self._settle(xid, pid, deadline, error)
            return result
        if ended != "COMMIT":
            # A transaction in which a statement failed is rolled back by its COMMIT, without an error.
            raise RuntimeError(f"the write transaction ended with {ended}; its work is not whole")
        return result

    def _open(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = self._sessions.connect("write")
            # What processes left that are long gone; one that is not would only write it again.
            self._session.execute(f"DELETE FROM writers WHERE age(xmin) > {FORGOTTEN_AFTER_TRANSACTIONS}")
        return self._session

    def _take_turn(self, session: Session, wait: bool) -> Row:
        # Never the same number twice: a batch that is done again is another transaction.
        self._number += 1
        marks = (self._writer, self._number)
        try:
            row = session.execute(_HEAD if wait else f"{_HEAD} NOWAIT", marks, binary=True).fetchone()
        except psycopg.errors.LockNotAvailable as error:
            if wait:
                raise
            raise TurnTaken from error
        if row is None:
            raise RuntimeError("the ledger has no head")
        return row

    def _undo(self, session: Session) -> None:
        """Roll back; where that fails the server does so itself when it notices that the connection is gone."""
        if session.closed or session.info.transaction_status == TransactionStatus.ACTIVE:
            self.close()
            return
        try:
            session.execute("ROLLBACK")
        except psycopg.Error:
            self.close()

    def _settle(self, xid: str, pid: int, deadline: float, error: psycopg.Error) -> None:
        """Return where the transaction was committed. Raises _Lost where it was not, and UnavailableFault where that
        could not be learnt before the deadline."""
        fate = self._fate(xid, pid, deadline)
        if fate == "aborted":
            raise _Lost from error
        if fate == "unknown":
            raise UnavailableFault(
                problem(
                    "database_unavailable",
                    f"The connection was lost at the commit, and the server cannot be asked: {told(error)}",
                    hint="It is not known whether the batch was recorded. Send it again: what was recorded is answered "
                    "with its first receipt.",
                    retry_after_s=RETRY_AFTER_S,
                )
            ) from error

    def _fate(self, xid: str, pid: int, deadline: float) -> Fate:
        pause = PAUSE_FIRST_S
        asked_since = time.monotonic()
        while True:
            with suppress(*LOST), self._sessions.connect("settle") as session:
                if self._ended(session, xid):
                    return "committed" if self._is_there(session) else "aborted"
                if time.monotonic() - asked_since > HANGS_AFTER_S:
                    _end(session, xid, pid)
            if time.monotonic() + pause > deadline:
                return "unknown"
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_LARGEST_S)

    @staticmethod
    def _ended(session: Session, xid: str) -> bool:
        try:
            row = session.execute("SELECT pg_xact_status(%s::xid8)", (xid,)).fetchone()
        except psycopg.errors.InvalidParameterValue:
            # "in the future": this server never heard of it, or forgot it when it was killed.
            return True
        return row != ("in progress",)

    def _is_there(self, session: Session) -> bool:
        row = session.execute("SELECT batch FROM writers WHERE name = %s", (self._writer,)).fetchone()
        return row == (self._number,)


def _end(session: Session, xid: str, pid: int) -> None:
    """End the session in which the transaction hangs, if that is still the one it was."""
    session.execute(
        sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_xid::text = %s"),
        (pid, str(int(xid) % 2**32)),
    )
