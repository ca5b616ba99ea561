"""The ledger: an ``eventsourcing`` application that records statements and decisions, and what it would not
record.

It is here as the one place where a submission ends: recorded, duplicate, conflict or rejected, each kept and
counted in the same durable transaction, so that what a sender was told and what is kept cannot differ. Which
database keeps it is decided once, when it is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsourcing.application import Application
from eventsourcing.persistence import EventStore, InfrastructureFactory, Mapper
from eventsourcing.utils import Environment, EnvType

from contracts.ports import Clock, LogReader, Progress, Store
from contracts.recorded import Head, Outcome, Submission
from domain import rejections
from domain.back_end import BackEnd
from domain.batches import Batch
from domain.copying import copy_rows
from domain.decider import DefinitionChecker
from domain.governance import Governance
from domain.log_reader import LedgerReader
from domain.recorder import LedgerFactory, LedgerRecorder
from domain.rejections import KeptRejection
from domain.shells import DecisionMapper
from domain.sqlite.file import Synchronous
from domain.verify import VerifyResult, verify

if TYPE_CHECKING:
    from domain.postgres.limits import Limits


class Ledger(Application[str]):
    """An open ledger. ``record`` may be called from any thread; calls take turns. Close it when done."""

    recorder: LedgerRecorder

    def __init__(
        self,
        back_end: BackEnd,
        recorder: LedgerRecorder,
        *,
        definition_checker: DefinitionChecker | None,
    ) -> None:
        """Use ``open`` or ``connect``."""
        self._back_end = back_end
        self._recorder = recorder
        self._governance = Governance(definition_checker)
        super().__init__()
        self._reader = LedgerReader(back_end)

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
        """Open the ledger in the file of ``home``, making it first where ``writable`` and absent.

        ``definition_checker`` may refuse a KPI definition that nothing can evaluate. Raises UnavailableFault
        ``home_in_use``, ``home_missing`` or ``home_unusable`` (see ``SqliteFile.open``), and RejectedFault
        ``settings_invalid`` where the environment asks the library for what would lose events.
        """
        from domain.sqlite.recorder import open_home

        back_end, recorder = open_home(home, clock, writable, synchronous)
        return cls._over(back_end, recorder, definition_checker)

    @classmethod
    def connect(
        cls,
        address: str,
        *,
        clock: Clock,
        writable: bool = True,
        definition_checker: DefinitionChecker | None = None,
        limits: Limits | None = None,
        must_be_durable: bool = True,
    ) -> Ledger:
        """Open the ledger in the PostgreSQL database at ``address`` (``postgresql://…``), whose tables are there.

        Several processes may write to one at the same time: their batches take turns. ``must_be_durable`` is off in
        nothing but a test of what is refused without it. Raises UnavailableFault ``database_unavailable`` where the
        database cannot be reached, ``database_unsuitable`` where the server may lose what it has committed or keeps
        text in another encoding than UTF-8, ``not_migrated`` where its tables are of another version, and
        RejectedFault ``settings_invalid`` as ``open`` does.
        """
        from domain.postgres.recorder import open_database

        back_end, recorder = open_database(address, clock, writable, limits, must_be_durable)
        return cls._over(back_end, recorder, definition_checker)

    @classmethod
    def _over(cls, back_end: BackEnd, recorder: LedgerRecorder, checker: DefinitionChecker | None) -> Ledger:
        try:
            return cls(back_end, recorder, definition_checker=checker)
        except BaseException:
            back_end.close()
            raise

    def record(self, submissions: Sequence[Submission], *, wait: bool = True) -> list[Outcome]:
        """Record many submissions in one durable transaction; returns their outcomes in the same order.

        When it returns, every outcome survives a power cut. When it raises, nothing of the batch is kept
        (``storage_full``, ``home_unusable``, ``database_unavailable``), but for one case: a connection lost
        at the commit whose outcome cannot be learnt in time; that says so, and to send again is always right. Any
        error that is no ``Fault`` is one that would be raised again.
        Blocks while another writes, or raises ``TurnTaken`` at once where ``wait`` is off.
        """
        if not submissions:
            return []
        try:
            return self.recorder.append(
                lambda page: Batch(self, page, self._governance).outcomes(submissions), wait=wait
            )
        except Exception as error:
            fault = self._back_end.fault(error)
            if fault is None:
                raise
            raise fault from error

    def reader(self) -> LogReader:
        """Reads the log on connections of its own; may be shared by threads."""
        return self._reader

    def store(self) -> Store:
        """The database that keeps the log, for those who keep durable rows of their own beside it."""
        return self._back_end.store()

    def head(self) -> Head:
        """The last log_index, its recorded_at and the root over all digests."""
        return self._reader.head()

    def totals(self) -> dict[str, int]:
        """How many submissions ended in each of the four outcomes, since the ledger was made."""
        return self._back_end.answer(lambda asking: dict(asking.ask("SELECT outcome, n FROM totals").fetchall()))

    def verify(self, progress: Progress | None = None) -> VerifyResult:
        """Recompute everything that can be recomputed from the stored bodies, in one snapshot."""
        return verify(self._back_end, progress)

    def fill_from(self, source: Ledger, progress: Progress | None = None) -> int:
        """Take over every row of another ledger, this one being empty; returns the number of events.

        Raises as ``domain.copying.copy_rows`` does; then nothing has changed.
        """
        try:
            return copy_rows(source._back_end, self._back_end, progress)
        except Exception as error:
            fault = self._back_end.fault(error) or source._back_end.fault(error)
            if fault is None:
                raise
            raise fault from error

    def rejections(self, limit: int = 100, after: int = 0, agency: str | None = None) -> list[KeptRejection]:
        """At most ``limit`` kept rejections and conflicts with a greater number than ``after``: of all, or of one
        agency."""
        return self._back_end.answer(lambda asking: rejections.kept(asking, limit, after, agency))

    def latest_rejections(self, limit: int = 100, before: int = 0, agency: str | None = None) -> list[KeptRejection]:
        """As ``rejections``, the newest first, with a smaller number than ``before`` (0: from the newest on)."""
        return self._back_end.answer(lambda asking: rejections.latest(asking, limit, before, agency))

    def rejections_counted(self, agency: str | None = None) -> tuple[int, int]:
        """(different rejections and conflicts, how often they came in all): of all, or of one agency."""
        return self._back_end.answer(lambda asking: rejections.counted(asking, agency))

    def rejections_by_agency(self, moment_us: int) -> dict[str, int]:
        """How many different submissions of each agency broke their contract, of those that first came no later than a
        moment (UTC microseconds); without conflicts and what names no agency."""
        return self._back_end.answer(lambda asking: rejections.by_agency(asking, moment_us))

    def plan_version(self, plan: str) -> int:
        """The plan's aggregate version: the number of decisions about it (0 where there is none)."""
        return self._aggregate_version(f"plan/{plan}")

    def agreement_version(self, agreement: str) -> int:
        """The agreement's aggregate version: the number of decisions about it (0 where there is none)."""
        return self._aggregate_version(f"agreement/{agreement}")

    def close(self) -> None:
        """Close the database and give up the write lock. No other call may be under way."""
        super().close()
        self._back_end.close()

    def _aggregate_version(self, aggregate_id: str) -> int:
        last = self.recorder.select_events(aggregate_id, desc=True, limit=1)
        return last[0].originator_version if last else 0

    # What the library would otherwise read from the process environment, or import by name, is built here.

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Nothing: the library merges ``os.environ`` into its settings."""
        return Environment(name, {})

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """One that makes nothing."""
        return LedgerFactory()

    def construct_mapper(self) -> Mapper[str]:
        """Canonical bytes, and topics from the catalogue."""
        return DecisionMapper()

    def construct_recorder(self) -> LedgerRecorder:
        """The one on our own table."""
        return self._recorder

    def construct_event_store(self) -> EventStore[str]:
        """The library's, over our mapper and recorder."""
        return EventStore(self.mapper, self.recorder)
