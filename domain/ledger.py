"""The ledger: an ``eventsourcing`` application that records statements and decisions, and what it would not
record.

It is here as the one place where a submission ends: recorded, duplicate, conflict or rejected, each kept and
counted in the same durable transaction, so that what a sender was told and what is on disk cannot differ.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import EventStore, InfrastructureFactory, Mapper, PersistenceError
from eventsourcing.utils import Environment, EnvType

from contracts.faults import Fault, Problem, UnavailableFault, problem
from contracts.ports import Clock, LogReader, Progress, Store
from contracts.recorded import Accepted, Head, Outcome, Receipt, Rejected, Submission
from domain import rejections
from domain.appending import Appending
from domain.decider import DefinitionChecker
from domain.governance import Governance
from domain.log_reader import SqliteLogReader
from domain.recorder import LedgerDatastore, LedgerFactory, LedgerRecorder
from domain.rejections import KeptRejection
from domain.shells import DecisionMapper
from domain.sqlite_file import SqliteFile, Synchronous
from domain.verify import VerifyResult, verify


class Ledger(Application[str]):
    """An open ledger. ``record`` may be called from any thread; calls take turns. Close it when done."""

    recorder: LedgerRecorder

    def __init__(self, file: SqliteFile, *, clock: Clock, definition_checker: DefinitionChecker | None) -> None:
        """Use ``open``."""
        self._file = file
        self._clock = clock
        self._governance = Governance(definition_checker)
        super().__init__()
        self._reader = SqliteLogReader(file)

    @classmethod
    def open(
        cls,
        home: Path,
        *,
        clock: Clock,
        writable: bool = True,
        definition_checker: DefinitionChecker | None = None,
        synchronous: Synchronous = "FULL",
    ) -> Ledger:
        """Open the ledger in ``home``, making it first where ``writable`` and absent.

        ``definition_checker`` may refuse a KPI definition that nothing can evaluate. Raises UnavailableFault
        ``home_in_use``, ``home_missing`` or ``home_unusable`` (see ``SqliteFile.open``), and RejectedFault
        ``settings_invalid`` where the environment asks the library for what would lose events.
        """
        file = SqliteFile.open(home, writable=writable, synchronous=synchronous)
        try:
            return cls(file, clock=clock, definition_checker=definition_checker)
        except BaseException:
            file.close()
            raise

    def record(self, submissions: Sequence[Submission], *, wait: bool = True) -> list[Outcome]:
        """Record many submissions in one durable transaction; returns their outcomes in the same order.

        When it returns, every outcome survives a power cut. When it raises, nothing of the batch is kept:
        UnavailableFault ``storage_full`` or ``home_unusable`` where the disk refuses. Blocks while another
        thread writes, or raises ``TurnTaken`` at once where ``wait`` is off.
        """
        if not submissions:
            return []
        try:
            with self.recorder.appending(wait=wait) as (cursor, page):
                return _Batch(self, cursor, page, self._governance).outcomes(submissions)
        except sqlite3.Error as error:
            raise storage_fault(error) from error
        except PersistenceError as error:
            # A decision goes through the library, which wraps what SQLite raised.
            if isinstance(error.__cause__, sqlite3.Error):
                raise storage_fault(error.__cause__) from error
            raise

    def reader(self) -> LogReader:
        """Reads the log on connections of its own; may be shared by threads."""
        return self._reader

    def store(self) -> Store:
        """Where views, positions and quarantine live: the same file."""
        return self._file

    def head(self) -> Head:
        """The last log_index, its recorded_at and the root over all digests."""
        return self._reader.head()

    def totals(self) -> dict[str, int]:
        """How many submissions ended in each of the four outcomes, since the ledger was made."""
        with self._file.reading() as connection:
            return dict(connection.execute("SELECT outcome, n FROM totals").fetchall())

    def verify(self, progress: Progress | None = None) -> VerifyResult:
        """Recompute everything that can be recomputed from the stored bodies, in one snapshot."""
        return verify(self._file, progress)

    def rejections(self, limit: int = 100, after: int = 0) -> list[KeptRejection]:
        """At most ``limit`` kept rejections and conflicts with a greater number than ``after``."""
        with self._file.reading() as connection:
            return rejections.kept(connection, limit, after)

    def plan_version(self, plan: str) -> int:
        """The plan's aggregate version: the number of decisions about it (0 where there is none)."""
        return self._aggregate_version(f"plan/{plan}")

    def agreement_version(self, agreement: str) -> int:
        """The agreement's aggregate version: the number of decisions about it (0 where there is none)."""
        return self._aggregate_version(f"agreement/{agreement}")

    def close(self) -> None:
        """Close the file and give up the write lock. No other call may be under way."""
        super().close()
        self._file.close()

    def _aggregate_version(self, aggregate_id: str) -> int:
        last = self.recorder.select_events(aggregate_id, desc=True, limit=1)
        return last[0].originator_version if last else 0

    # What the library would otherwise read from the process environment, or import by name, is built here.

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing: the library merges ``os.environ`` into its settings."""
        return Environment(name, {})

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Our own file."""
        return LedgerFactory(LedgerDatastore(self._file))

    def construct_mapper(self) -> Mapper[str]:
        """Canonical bytes, and topics from the catalogue."""
        return DecisionMapper()

    def construct_recorder(self) -> LedgerRecorder:
        """Our own table."""
        return LedgerRecorder(LedgerDatastore(self._file), clock=self._clock)

    def construct_event_store(self) -> EventStore[str]:
        """The library's, over our mapper and recorder."""
        return EventStore(self.mapper, self.recorder)


class _Batch:
    """The submissions of one transaction: statements in runs, decisions one by one between them."""

    def __init__(self, ledger: Ledger, cursor: sqlite3.Cursor, page: Appending, governance: Governance) -> None:
        self._ledger = ledger
        self._cursor = cursor
        self._page = page
        self._decisions = governance.session(ledger)

    def outcomes(self, submissions: Sequence[Submission]) -> list[Outcome]:
        outcomes: list[Outcome | None] = [None] * len(submissions)
        run: list[int] = []
        for place, submission in enumerate(submissions):
            if isinstance(submission, Rejected):
                outcomes[place] = self._refused(submission, submission.problem)
            elif submission.kind == "statement":
                run.append(place)
            else:
                # log_index follows the order of sending, so what stands before a decision is appended first.
                self._end_run(submissions, run, outcomes)
                outcomes[place] = self._decided(submission)
        self._end_run(submissions, run, outcomes)
        return [outcome for outcome in outcomes if outcome is not None]

    def _end_run(self, submissions: Sequence[Submission], run: list[int], outcomes: list[Outcome | None]) -> None:
        if not run:
            return
        events = [submission for submission in map(submissions.__getitem__, run) if isinstance(submission, Accepted)]
        for place, event, receipt, new in zip(run, events, *self._page.statements(events), strict=True):
            if new:
                outcomes[place] = Outcome("recorded", event.source, event.id, receipt)
            else:
                outcomes[place] = self._repeated(event, receipt)
        run.clear()

    def _repeated(self, event: Accepted, first: Receipt) -> Outcome:
        if first.digest == event.digest:
            self._page.count("duplicate")
            return Outcome("duplicate", event.source, event.id, first)
        self._page.count("conflict")
        found = problem(
            "identity_conflict",
            f"{event.source} {event.id} was recorded as event {first.log_index} "
            f"with digest {first.digest.hex()}; this one has digest {event.digest.hex()}.",
            "/id",
            log_index=first.log_index,
            recorded_digest=first.digest.hex(),
            submitted_digest=event.digest.hex(),
        )
        rejections.keep(self._cursor, "conflict", event, found, self._page.recorded_at_us)
        return Outcome("conflict", event.source, event.id, first, found)

    def _decided(self, event: Accepted) -> Outcome:
        first = self._page.recorded_before(event)
        if first is not None:
            return self._repeated(event, first)
        try:
            receipt = self._decisions.decide(event, self._page)
        except Fault as fault:
            if isinstance(fault, UnavailableFault):
                raise
            return self._refused(event, fault.problem)
        return Outcome("recorded", event.source, event.id, receipt)

    def _refused(self, submission: Submission, found: Problem) -> Outcome:
        self._page.count("rejected")
        rejections.keep(self._cursor, "rejected", submission, found, self._page.recorded_at_us)
        return Outcome("rejected", submission.source, submission.id, None, found)


def storage_fault(error: sqlite3.Error) -> UnavailableFault:
    """What SQLite could not do, as something the caller may try again."""
    code = "storage_full" if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL else "home_unusable"
    return UnavailableFault(problem(code, f"SQLite says: {error}."))
