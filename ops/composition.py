"""The composition root: where the three rooms meet.

The rooms never import each other, so here, and only here, a line is given a reader and the generations of views that
it follows with, and the views the function that keeps KPI cells current. What comes out is a ``House``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.faults import Problem, UnavailableFault, fault, problem
from contracts.ports import Clock, LogReader, Store, views_name
from domain.sequencer import Sequencer
from ops.backends import Parts, is_there, open_parts
from ops.house import House, Standing
from ops.metrics import Metrics
from ops.pacing import Pace, PacedReader
from ops.settings import FILE_NAME, Settings, load_settings, write_settings

if TYPE_CHECKING:
    from streams.live_line import LiveLine
    from streams.runner import Runner


def system_clock() -> int:
    """Now, as UTC microseconds since the Unix epoch."""
    return time.time_ns() // 1_000


def open_house(
    home: Path | None = None,
    *,
    writable: bool | None = True,
    clock: Clock = system_clock,
    settings: Settings | None = None,
    on_commit: Callable[[int], None] | None = None,
) -> House:
    """Open a home, creating it when ``writable`` and it is new.

    ``writable=None`` takes the writer lock when it is free and reads only when another process holds it.
    Raises ``Fault`` codes ``home_in_use`` (writable and the lock is held), ``home_missing`` (reading a
    home that is not there), ``settings_invalid``.
    """
    chosen = settings or load_settings(home)
    if writable is not None:
        return _assemble(chosen, clock, writable, on_commit)
    if not is_there(chosen):  # what is not there is not made by looking at it
        raise fault("home_missing", f"there is no ledger in {chosen.home}")
    try:
        return _assemble(chosen, clock, True, on_commit)
    except UnavailableFault as held:
        if held.problem.code != "home_in_use":
            raise
        return _assemble(chosen, clock, False, on_commit)


def _assemble(settings: Settings, clock: Clock, writable: bool, on_commit: Callable[[int], None] | None) -> House:
    from projections.views import Views
    from streams.quarantine import Quarantine

    metrics = Metrics()
    parts = open_parts(settings, clock, writable, check_definition)
    try:
        if writable and settings.database is None:
            _keep_zone(settings)
        pace = Pace(settings.apply_interval_s)
        views = Views(settings.zone, on_refresh=refresher(settings, metrics))
        line = _line(settings, parts, views.version, clock, metrics, pace)
        head = parts.ledger.reader().head().log_index
        sequencer = (
            Sequencer(
                parts.ledger,
                max_batch=settings.max_commit_events,
                max_queue=settings.max_queue_events,
                on_commit=_commit_listener(head, line, pace, metrics, on_commit),
            )
            if writable
            else None
        )
        quarantine = Quarantine(parts.generations.live_store(), line.name)
        house = House(settings, parts, sequencer, views, line, quarantine, clock, metrics, pace)
        if house.follows and house.views_missing():
            line.prepare()
        return house
    except BaseException:
        parts.close()
        raise


def _line(settings: Settings, parts: Parts, version: str, clock: Clock, metrics: Metrics, pace: Pace) -> LiveLine:
    from streams.live_line import LiveLine

    moved = threading.Condition()
    make = runner_maker(settings, parts.ledger.reader(), clock, metrics, pace=pace, moved=moved)
    return LiveLine(
        parts.generations,
        parts.ledger.reader(),
        make,
        version=version,
        clock=clock,
        poll_s=settings.poll_interval_s,
        moved=moved,
    )


def runner_maker(
    settings: Settings,
    reader: LogReader,
    clock: Clock,
    metrics: Metrics,
    *,
    pace: Pace | None = None,
    moved: threading.Condition | None = None,
) -> Callable[[int, Store], Runner]:
    """What makes the runner of a generation, given its number and store: of the live one, or of one that is built."""
    from projections.partitioned import PartitionedViews
    from projections.views import Views
    from streams.runner import Runner

    # Where workers fold, what is remembered from one transaction to the next would be out of date.
    kind = Views if settings.broker is None else PartitionedViews

    def make(number: int, store: Store) -> Runner:
        return Runner(
            reader if pace is None else PacedReader(reader, pace),
            store,
            kind(settings.zone, on_refresh=refresher(settings, metrics), name=views_name(number)),
            clock=clock,
            batch_limit=settings.runner_batch_events,
            poll_s=settings.poll_interval_s,
            refresh_every_s=settings.refresh_interval_s,
            brake_keys=settings.quarantine_brake_keys,
            moved=moved,
        )

    return make


def refresher(settings: Settings, metrics: Metrics) -> Callable[[Store, LogReader, int], int]:
    """What brings the cells of a store up to date, judged by the settings' clock."""
    refreshed = metrics.counter("tallystick_cells_refreshed_total")

    def refresh(store: Store, reader: LogReader, now_us: int) -> int:
        from projections.kpi import refresh as refresh_cells

        fixed = settings.as_of_us
        changed = refresh_cells(store, reader, now_us if fixed is None else fixed, settings.zone)
        refreshed.inc(changed)
        return changed

    return refresh


def _commit_listener(
    head: int, line: LiveLine, pace: Pace, metrics: Metrics, told: Callable[[int], None] | None
) -> Callable[[int], None]:
    committed_events = metrics.histogram("tallystick_commit_events")
    last = head

    def committed(log_index: int) -> None:
        nonlocal last
        # A batch of repeats names an earlier log_index and records nothing.
        if log_index > last:
            committed_events.observe(log_index - last)
            last = log_index
            pace.committed()
            line.wake()
        if told is not None:
            told(log_index)

    return committed


def check_definition(definition: dict[str, Any]) -> Problem | None:
    """Why a plan's KPI definition cannot be evaluated over the read models there are, or None."""
    import json

    from pydantic import ValidationError

    from contracts.kpi import KpiDefinition
    from projections.kpi.check import check_definition

    try:
        return check_definition(KpiDefinition.model_validate_json(json.dumps(definition)))
    except ValidationError as error:
        first = error.errors()[0]
        pointer = "".join(f"/{step}" for step in first["loc"])
        return problem("definition_invalid", first["msg"], f"/data/definition{pointer}")


def _keep_zone(settings: Settings) -> None:
    # The zone decides in which month an event counts, so a home keeps the one it was created with.
    values: dict[str, Any] = {"zone": settings.zone}
    if settings.as_of is not None:
        values["as_of"] = settings.as_of
    if not (settings.home / FILE_NAME).exists():
        # With the log in PostgreSQL nothing has made the home yet.
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_settings(settings.home, values)


__all__ = ["House", "Standing", "open_house", "system_clock"]
