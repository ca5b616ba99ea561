"""The house: everything a command, a page or the API does with one open home.

It knows the rooms only through what it is handed, so that all three porches ask the same questions the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from contracts.faults import fault
from contracts.moments import format_us, parse_us
from contracts.ports import Clock, LogReader, Progress, Store
from contracts.recorded import Head, Outcome, Submission
from domain.sequencer import Sequencer
from ops.backends import Parts
from ops.metrics import Metrics
from ops.pacing import Pace
from ops.prefixes import Prefixes, holds_exactly
from ops.recording import Tally, as_submission, record_stream
from ops.settings import Settings
from projections.kpi.opened import Opened

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from domain.rejections import KeptRejection
    from domain.verify import VerifyResult
    from projections.kpi import AsOf, Cell, Definitions, Explanation, Scorecard
    from projections.kpi.audit import Audit
    from projections.kpi.history import History
    from projections.views import Views
    from streams.lag import Lag
    from streams.live_line import LiveLine
    from streams.quarantine import Quarantine

_EVERYTHING = 2**31
_INDEX_DIGITS = 18  # more no log_index has, and SQLite takes no more


@dataclass(frozen=True, slots=True)
class Standing:
    """Where this home stands: the log's end, what the views have taken in, and who may write."""

    head: Head
    position: int
    lag_events: int
    lag_seconds: float
    writable: bool
    quarantined: int
    brake: bool

    def sentence(self) -> str:
        """One sentence for people, such as a command prints under a result it could not bring up to date."""
        if self.lag_events == 0:
            return f"The views hold all {self.position:,} events."
        return (
            f"The views hold {self.position:,} of {self.head.log_index:,} events; "
            f"{self.lag_events:,} are not counted yet."
        )


class House:
    """One open home: ledger, writer, views and what reads them.

    A writable house owns the home's writer lock until it is closed. Methods may be called from any thread.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        sequencer: Sequencer | None,
        views: Views,
        line: LiveLine,
        quarantine: Quarantine,
        clock: Clock,
        metrics: Metrics,
        pace: Pace,
    ) -> None:
        self.settings = settings
        self.home = settings.home
        self.zone = settings.zone
        self.clock = clock
        self.parts = parts
        self.ledger = parts.ledger
        self.generations = parts.generations
        self.sequencer = sequencer
        self.reader: LogReader = parts.ledger.reader()
        self.store: Store = parts.generations.live_store()
        self.views = views
        self.runner = line
        self.quarantine = quarantine
        self.metrics = metrics
        self._pace = pace
        self._started = False
        self._views_seen = False
        self._prefixes = Prefixes(self.reader, self.zone)
        self._opened = Opened()
        self._watch()

    @property
    def writable(self) -> bool:
        """Whether this house holds the writer lock."""
        return self.sequencer is not None

    @property
    def follows(self) -> bool:
        """Whether it is this house that keeps the views current; with a broker, workers do."""
        return self.writable and self.settings.broker is None

    def writer(self) -> Sequencer:
        """The sequencer. Raises ``Fault`` code ``home_in_use`` when another process holds the writer lock."""
        if self.sequencer is None:
            raise fault("home_in_use", f"{self.home} is open for reading only")
        return self.sequencer

    # Recording

    def record(
        self,
        items: Iterable[bytes | Submission],
        *,
        agency: str | None = None,
        on_outcomes: Callable[[list[Outcome]], None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Tally:
        """Record every item in order; see ``ops.recording.record_stream``."""
        return record_stream(self.writer(), items, agency=agency, on_outcomes=on_outcomes, progress=progress)

    def record_batch(self, items: Sequence[bytes | Submission], *, agency: str | None = None) -> list[Outcome]:
        """Validate and record a batch in one durable transaction; one outcome each, in order."""
        return self.writer().record([as_submission(item, agency) for item in items])

    # Views

    def start(self) -> None:
        """Keep the views current from now on, on a thread of their own. Idempotent."""
        if self.follows and not self._started:
            self._started = True
            self._pace.start()
            self.runner.start()

    def catch_up(self, progress: Progress | None = None) -> int:
        """Apply what the views have not seen and refresh the cells; returns how many events were applied.

        A house opened for reading leaves the views as they are and returns 0.
        """
        return self.runner.catch_up(progress) if self.follows and not self._started else 0

    def rebuild(self, progress: Progress | None = None) -> int:
        """Build every view again in a new generation, whatever the live one holds, and change over to it; returns the
        log_index they now hold. ``ops.rebuilding`` does so with more care."""
        from ops.rebuilding import rebuild

        try:
            return rebuild(self, accept_differences=True, progress=progress).position
        finally:
            self._opened.clear()

    def verify(self, progress: Progress | None = None) -> VerifyResult:
        """Read the whole log again: every digest, the order, and the tree's root."""
        return self.ledger.verify(progress)

    def audit(self, progress: Progress | None = None) -> Audit:
        """Compare every row and cell the views hold with what the log gives up to where they stand, folded anew in
        memory. Raises the fault ``views_behind`` where there are none of this version to be compared."""
        from projections.kpi.audit import audit
        from streams.place import gone_ahead, place

        wrong = "the views have never been made" if self.views_missing() else self.views_mismatch()
        if wrong:
            raise fault("views_behind", wrong, hint="Run tallystick rebuild.")
        with self.store.read() as connection:
            upto = place(connection, self.runner.name()).log_index
            ahead = gone_ahead(connection, self.reader, self.runner.name(), self.settings.events_partitions, upto)
            return audit(connection, self.reader, self.zone, upto, progress, ahead=ahead)

    def standing(self) -> Standing:
        """Head, position, lag and quarantine, read now."""
        head = self.reader.head()
        lag = self.lag()
        position = self.runner.position()
        return Standing(
            head,
            position,
            lag.events,
            lag.seconds,
            self.writable,
            self.quarantine.count(),
            self.quarantine.braked(),
        )

    def lag(self) -> Lag:
        """How far the views are behind the log."""
        return self.runner.lag()

    # Reading

    def now_us(self) -> int:
        """The moment at which clock-dependent things are judged: the fixed ``as_of`` of the settings, else
        now.
        """
        fixed = self.settings.as_of_us
        return self.clock() if fixed is None else fixed

    def as_of(self, text: str | int | None = None) -> AsOf:
        """What ``--as-of`` means: nothing (now), a log_index, or a moment (RFC 3339).

        A log_index reads the ledger as it was when that event had just been recorded. A moment reads what
        was recorded until then. Raises ``Fault`` code ``as_of_invalid``.
        """
        from projections.kpi import AsOf

        if text is None or text == "":
            return AsOf(self.now_us(), None)
        if isinstance(text, int) or (text.isascii() and text.isdecimal() and len(text) <= _INDEX_DIGITS):
            asked = int(text)
            head = self.reader.head().log_index
            if not 0 < asked <= head:
                raise fault("as_of_invalid", f"{asked} is not a log_index between 1 and {head}")
            (event,) = self.reader.at([asked])
            return AsOf(min(event.recorded_at_us, self.now_us()), asked)
        try:
            moment_us = parse_us(text)
        except ValueError as error:
            raise fault(
                "as_of_invalid", f"{text[:50]!r} is neither a log_index nor a moment such as 2026-01-31T00:00:00Z"
            ) from error
        return AsOf(moment_us, self.reader.upto_moment(moment_us))

    @contextmanager
    def viewing(self) -> Iterator[Connection]:
        """A read-only snapshot of the views as they stand. Raises the fault ``views_behind`` where there are none
        that can be read, in a home that only others may write to."""
        if not self._views_seen:
            wrong = "the views have never been made" if self.views_missing() else self.views_mismatch()
            if wrong and not self.writable:
                raise fault(
                    "views_behind",
                    f"{self.home} is open for reading only, and {wrong}",
                    hint="Run tallystick rebuild, or start the server that writes to this home, and look again.",
                )
            self._views_seen = True
        with self.store.read() as connection:
            yield connection

    @contextmanager
    def reading(self, as_of: AsOf) -> Iterator[Connection]:
        """A read-only snapshot of the views as of then. Of a log_index, the views as they stand only where they
        hold exactly the log up to there; else views built from that prefix, which costs a rebuild the first time.
        """
        if as_of.log_index is None:
            with self.viewing() as connection:
                yield connection
            return
        with self.store.read() as connection:
            if holds_exactly(connection, self.runner.name(), self.views.version, as_of.log_index):
                yield connection
                return
        with self._prefixes.borrow(as_of) as store, store.read() as connection:
            yield connection

    def definitions(self, as_of: AsOf | None = None) -> Definitions:
        """The KPI definitions known at a reading: the library, overlaid by what the plan defines."""
        from projections.kpi import Definitions

        with self.reading(as_of or self.as_of()) as connection:
            return Definitions.load(connection)

    def kpi_history(self, kpi: str, as_of: AsOf | None = None) -> History:
        """What was decided about a KPI's target and definition, and who disputes it, as known at a reading."""
        from projections.kpi.history import decisions, history

        with self.reading(as_of or self.as_of()) as connection:
            return history(decisions(connection, self.reader), kpi)

    def cells(
        self,
        *,
        kpi: str | None = None,
        period: str | None = None,
        group: str | None = None,
        version: int | None = None,
        as_of: AsOf | None = None,
    ) -> list[Cell]:
        """Cells that match what is given, ordered by KPI, period and group.

        Without ``version``, of each KPI's version that counts at the moment. Raises the faults ``kpi_unknown``
        and ``period_invalid``.
        """
        from projections.kpi import cells
        from projections.kpi.periods import known_period

        if period is not None:
            known_period(period)
        moment = as_of or self.as_of()
        with self.reading(moment) as connection:
            return cells(connection, kpi=kpi, period=period, group=group, version=version, as_of=moment, zone=self.zone)

    def scorecard(self, as_of: AsOf | None = None) -> Scorecard:
        """Plan → goals → objectives → KPI lines."""
        from projections.kpi import scorecard

        moment = as_of or self.as_of()
        with self.reading(moment) as connection:
            return scorecard(connection, moment, self.zone)

    def explain(
        self,
        kpi: str,
        period: str,
        group: str = "all",
        *,
        as_of: AsOf | None = None,
        version: int | None = None,
        limit: int | None = None,
        offset: int = 0,
        recompute: bool = True,
        at_most: int | None = None,
    ) -> Explanation:
        """A cell, the events behind it (a page of ``limit``, or all), and the value computed again from
        exactly those; not computed again with ``recompute=False``, nor from more than ``at_most`` events.
        Raises the faults ``kpi_unknown``, ``period_invalid`` and ``group_unknown``."""
        from projections.kpi import explain
        from projections.kpi.periods import known_period

        known_period(period)
        moment = as_of or self.as_of()
        with self.reading(moment) as connection:
            return explain(
                connection,
                self.reader,
                kpi,
                period,
                group,
                as_of=moment,
                zone=self.zone,
                version=version,
                limit=_EVERYTHING if limit is None else limit,
                offset=offset,
                recompute=recompute,
                at_most=at_most,
                opened=self._opened,
            )

    def definition_rows(self, as_of: AsOf | None = None) -> list[dict[str, Any]]:
        """Every KPI version known at a reading as a JSON object: in words, who owns it, its definition."""
        from projections.kpi.sentence import sentence

        return [
            {
                "kpi": entry.body.kpi,
                "version": entry.body.version,
                "title": entry.body.title,
                "unit": entry.body.unit,
                "direction": entry.body.direction,
                "owner": entry.owner,
                "plan": entry.plan,
                "objective": entry.objective,
                "effective_from": entry.effective_from,
                "retired": entry.retired,
                "sentence": sentence(entry.body),
                "problem": None if entry.problem is None else entry.problem.as_dict(),
                "definition": entry.body.model_dump(mode="json", by_alias=True),
            }
            for entry in self.definitions(as_of)
        ]

    def agencies(self, as_of: AsOf | None = None) -> list[dict[str, Any]]:
        """The partner agencies in order of their id; moments are RFC 3339."""
        from sqlalchemy import select

        from projections.tables import METADATA

        table = METADATA.tables["agencies"]
        with self.reading(as_of or self.as_of()) as connection:
            rows = connection.execute(select(table).order_by(table.c.agency)).mappings().all()
        return [
            {
                "agency": row["agency"],
                "name": row["name"],
                "sector": row["sector"],
                "joined_at": _moment(row["joined_at"]),
                "withdrew_at": _moment(row["withdrew_at"]),
            }
            for row in rows
        ]

    def parked(self, *, after: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """The events in quarantine in the order of the log; ``error`` is None for one that waits behind another."""
        return [
            {
                "log_index": parked.log_index,
                "key": parked.key,
                "type": parked.type,
                "source": parked.source,
                "id": parked.id,
                "error": parked.error,
                "attempts": parked.attempts,
                "parked_at": format_us(parked.parked_at_us),
                "projection": parked.name,
            }
            for parked in self.quarantine.parked(after=after, limit=limit)
        ]

    def rejections(self, limit: int = 100, after: int = 0, agency: str | None = None) -> list[KeptRejection]:
        """Kept rejections, oldest first, with a number greater than ``after``: of all, or of one agency."""
        return list(self.ledger.rejections(limit, after, agency))

    # Vital signs

    def writer_alive(self) -> bool:
        """Whether the writer's thread lives; a house opened for reading has none to lose."""
        return self.sequencer is None or self.sequencer._thread.is_alive()

    def runner_alive(self) -> bool:
        """Whether the runner's thread lives, where it was started."""
        return not self._started or self.runner.alive()

    def views_missing(self) -> bool:
        """Whether no view has been made in this home yet."""
        from sqlalchemy import inspect

        from projections.tables import VIEW_STATE

        with self.store.read() as connection:
            return not inspect(connection).has_table(VIEW_STATE.name)

    def views_mismatch(self) -> str:
        """Why the views must be built again before they can be trusted, or "" where they are of this version."""
        from streams.place import NOWHERE, place, wrong_log

        with self.store.read() as connection:
            found = place(connection, self.runner.name())
        if found == NOWHERE:
            return ""
        if found.version != self.views.version:
            made, here = found.version, self.views.version
            return f"the views are of version {made}; this program and zone {self.zone} make {here}"
        return wrong_log(found, self.reader)

    def head_ahead_s(self) -> float:
        """How far the last event's recorded_at lies ahead of the clock, in seconds; 0 where it does not.

        recorded_at never goes back, so a clock that once jumped ahead is kept until the true time catches up.
        """
        return max(0, self.reader.head().recorded_at_us - self.clock()) / 1_000_000

    def _watch(self) -> None:
        metrics = self.metrics
        metrics.watch("tallystick_head_log_index", lambda: self.reader.head().log_index)
        metrics.watch("tallystick_head_ahead_seconds", self.head_ahead_s)
        metrics.watch("tallystick_position_log_index", self.runner.position)
        metrics.watch("tallystick_lag_events", lambda: self.lag().events)
        metrics.watch("tallystick_lag_seconds", lambda: self.lag().seconds)
        metrics.watch("tallystick_quarantine_events", self.quarantine.count)
        metrics.watch("tallystick_brake_applied", self.quarantine.braked)
        metrics.watch("tallystick_writer_alive", self.writer_alive)
        metrics.watch("tallystick_runner_alive", self.runner_alive)
        if self.sequencer is not None:
            metrics.watch("tallystick_queue_events", self.sequencer.waiting)

    # Closing

    def close(self) -> None:
        """Drain the writer, stop the runner and give the writer lock back. Idempotent."""
        if self._started:
            self._pace.stop()
            self.runner.stop()
            self._started = False
        if self.sequencer is not None:
            self.sequencer.close()
        self._prefixes.close()
        self.parts.close()

    def __enter__(self) -> House:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _moment(us: int | None) -> str | None:
    return None if us is None else format_us(us)
