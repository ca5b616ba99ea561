"""A worker as a process: its agents, the line they feed, the keeper of the cells, and when it is well.

It is here, and not in the command, so that a test or a measurement runs the same worker that an operator does.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.faults import fault
from contracts.ports import Clock, LogReader, Store, views_name
from ops.backends import Parts, brokers, open_parts
from ops.composition import House, check_definition, refresher
from ops.health import Check, Readiness, Stall
from ops.metrics import Metrics
from ops.relaying import holder_name, needs_a_broker
from ops.settings import Settings
from ops.taking_in import TakingIn
from streams.kafka.topics import events_topic
from streams.lag import measure
from streams.leases import Leases
from streams.partition_line import PartitionLine
from streams.projection_feed import ProjectionFeed
from streams.quarantine import Quarantine
from streams.runner import Replayed
from streams.watermark import Keeper, Places, places

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from contracts.kafka_binding import Message
    from streams.faust_app import Feed

_log = logging.getLogger("tallystick.worker")


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group of Kafka and what this worker does in it."""

    name: str
    feeds: tuple[Feed, ...]


class WorkerProcess:
    """The agents and the keeper of one process; ``run`` it once, on the main thread."""

    def __init__(
        self,
        settings: Settings,
        groups: Sequence[Group],
        line: PartitionLine | None,
        keeper: Keeper | None,
        taking_in: TakingIn | None,
    ) -> None:
        self._settings = settings
        self._groups = tuple(groups)
        self._line = line
        self._keeper = keeper
        self._taking_in = taking_in
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """End after the batches in hand; from a signal handler or any thread."""
        self._stop.set()
        if self._line is not None:
            self._line.stop()
        if self._taking_in is not None:
            self._taking_in.stop()

    def alive(self) -> bool:
        """Whether every agent runs."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def run(self) -> None:
        """Work until ``stop``, or until an agent meets what it cannot pass: the others then finish what they have in
        hand, and it is raised."""
        self._threads = [
            threading.Thread(target=self._run_group, args=(group,), name=group.name, daemon=True)
            for group in self._groups
        ]
        if self._keeper is not None:
            self._keeper.start()
        if self._taking_in is not None:
            self._taking_in.start()
        for thread in self._threads:
            thread.start()
        try:
            # Each agent that ends sets the event, so this ends with the first of them.
            self._stop.wait()
        finally:
            asked = not self._errors
            for thread in self._threads:
                thread.join()
            if self._keeper is not None:
                self._keeper.stop()
            if self._taking_in is not None:
                self._taking_in.close()
        if self._errors and not asked:
            raise self._errors[0]
        for error in self._errors:
            _log.warning("given up while ending, to be delivered again: %s: %s", type(error).__name__, error)

    def _run_group(self, group: Group) -> None:
        from streams.faust_app import make_app, run

        try:
            run(make_app(group.name, brokers(self._settings), group.feeds), self._stop)
        except BaseException as error:  # noqa: BLE001 - raised again on the main thread, where the process ends with it
            self._errors.append(error)
        finally:
            self.stop()


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """A worker that has not begun, its instruments and what judges it."""

    process: WorkerProcess
    metrics: Metrics
    watch: Callable[[], Readiness]
    groups: tuple[str, ...]


@contextmanager
def open_worker(
    settings: Settings,
    clock: Clock,
    *,
    intake: bool = True,
    projection: bool = True,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> Iterator[WorkerParts]:
    """A worker of the ledger that the settings name; it connects to the broker when it runs.

    Raises the faults ``settings_invalid`` and ``settings_differ``, and those of the database.
    """
    needs_a_broker(settings, "worker")
    if not intake and not projection:
        raise fault("settings_invalid", "a worker without intake and without projection has nothing to do")
    metrics = Metrics()
    parts = open_parts(settings, clock, intake, check_definition)
    try:
        topic = events_topic(settings.topic_prefix)
        groups: list[Group] = []
        line = keeper = taking_in = None
        if projection:
            line = _line(settings, parts, clock)
            keeper = _keeper(settings, parts, line, clock, metrics)
            groups.append(_projection_group(settings, line, topic, metrics))
        if intake:
            taking_in = TakingIn(settings, parts.ledger, clock, metrics)
            groups.append(_intake_group(settings, taking_in, metrics))
        process = WorkerProcess(settings, groups, line, keeper, taking_in)
        sight = Sight(settings, parts, clock, topic)
        sight.watch(metrics, keeper)
        ready = Judge(settings, sight, process, keeper, monotonic_s)
        yield WorkerParts(process, metrics, ready.look, tuple(group.name for group in groups))
    finally:
        parts.close()


def replay(house: House, key: str | None = None) -> Replayed:
    """Apply parked events again beside the workers, of one key or of all, and bring the cells up to date."""
    done = _line(house.settings, house.parts, house.clock).replay(key)
    if done.applied:
        refresher(house.settings, house.metrics)(house.store, house.reader, house.clock())
    return done


class Sight:
    """What can be seen of the line from any process: head, partitions, watermark, quarantine."""

    def __init__(self, settings: Settings, parts: Parts, clock: Clock, topic: str) -> None:
        self._settings = settings
        self._generations = parts.generations
        self._reader: LogReader = parts.ledger.reader()
        self._clock = clock
        self._topic = topic
        self.quarantine = Quarantine(parts.generations.live_store(), self._name)

    def places(self) -> Places:
        """Where the partitions of the live views stand, read now."""
        with self._generations.live_store().read() as connection:
            return places(connection, self._name(), self._topic, self._settings.events_partitions)

    def watch(self, metrics: Metrics, keeper: Keeper | None) -> None:
        """Have all of it measured."""
        reader, clock = self._reader, self._clock
        metrics.watch("tallystick_head_log_index", lambda: reader.head().log_index)
        metrics.watch("tallystick_relay_log_index", lambda: self.places().relayed)
        metrics.watch("tallystick_position_log_index", lambda: self.places().position)
        metrics.watch("tallystick_lag_events", lambda: measure(reader, self.places().position, clock()).events)
        metrics.watch("tallystick_lag_seconds", lambda: measure(reader, self.places().position, clock()).seconds)
        metrics.watch("tallystick_quarantine_events", self.quarantine.count)
        metrics.watch("tallystick_brake_applied", self.quarantine.braked)
        metrics.watch(
            "tallystick_partition_log_index",
            lambda: {(str(number),): float(at) for number, at in self.places().applied.items()},
        )
        metrics.watch("tallystick_partition_behind", self._behind)
        if keeper is not None:
            metrics.watch("tallystick_cells_kept", lambda: keeper.holds)

    def _behind(self) -> dict[tuple[str, ...], float]:
        found = self.places()
        behind = found.behind()
        return {(str(number),): float(number in behind) for number in found.applied}

    def _name(self) -> str:
        return views_name(self._generations.live())


class Judge:
    """Whether a worker should be left alone. Ask from any thread."""

    def __init__(
        self,
        settings: Settings,
        sight: Sight,
        process: WorkerProcess,
        keeper: Keeper | None,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._sight = sight
        self._process = process
        self._keeper = keeper
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._stall = Stall()

    def look(self) -> Readiness:
        """Read how the line is doing and judge it."""
        with self._lock:
            found = self._sight.places()
            still_s = self._stall.still_s(
                sum(found.applied.values()) + found.position, found.position < found.relayed, self._monotonic_s()
            )
        stalled = still_s > self._settings.ready_stall_max_s
        brake = self._sight.quarantine.brake()
        trouble = None if self._keeper is None else self._keeper.fault
        at = f"complete up to {found.position} of {found.relayed} sent"
        checks = (
            Check("agents", self._process.alive(), "alive" if self._process.alive() else "not running"),
            # The worker lives and applies the other partitions: to start it anew would mend nothing.
            Check(
                "brake", brake is None, "off" if brake is None else f"applied: {brake} See tallystick quarantine list"
            ),
            Check("cells", trouble is None, "well" if trouble is None else type(trouble).__name__),
            Check("progress", not stalled, at if not stalled else f"{at}: not moved for {still_s:.0f} s"),
        )
        return Readiness(all(check.ok for check in checks), checks)


def _line(settings: Settings, parts: Parts, clock: Clock) -> PartitionLine:
    from projections.partitioned import PartitionedViews

    return PartitionLine(
        parts.ledger.reader(),
        parts.generations,
        lambda number: PartitionedViews(settings.zone, name=views_name(number)),
        partitions=settings.events_partitions,
        clock=clock,
        batch_limit=settings.worker_batch_events,
        brake_keys=settings.quarantine_brake_keys,
    )


def _keeper(settings: Settings, parts: Parts, line: PartitionLine, clock: Clock, metrics: Metrics) -> Keeper:
    from projections.partitioned import note_high_water

    topic = events_topic(settings.topic_prefix)
    refreshed = metrics.counter("tallystick_cells_refreshed_total")

    def refresh(store: Store, reader: LogReader, now_us: int, done: Callable[[Connection], None]) -> int:
        from projections.kpi import refresh as refresh_cells

        def counted(connection: Connection) -> None:
            done(connection)
            name = views_name(parts.generations.live())
            reached = places(connection, name, topic, settings.events_partitions).applied.values()
            note_high_water(connection, max(reached, default=0))

        fixed = settings.as_of_us
        changed = refresh_cells(store, reader, now_us if fixed is None else fixed, settings.zone, done=counted)
        refreshed.inc(changed)
        return changed

    return Keeper(
        line,
        parts.ledger.reader(),
        Leases(parts.ledger.store(), clock),
        refresh,
        holder=holder_name(),
        topic=topic,
        clock=clock,
        lease_s=settings.lease_s,
        refresh_every_s=settings.refresh_interval_s,
    )


def _projection_group(settings: Settings, line: PartitionLine, topic: str, metrics: Metrics) -> Group:
    from streams.faust_app import Feed

    feed = ProjectionFeed(line)
    handled = metrics.counter("tallystick_worker_messages_total", "projection")
    unreadable = metrics.counter("tallystick_worker_unreadable_total")

    def handle(messages: Sequence[Message]) -> frozenset[int]:
        before = feed.unreadable
        waiting = feed.handle(messages)
        handled.inc(len(messages))
        unreadable.inc(feed.unreadable - before)
        return waiting

    return Group(
        f"{settings.topic_prefix}.projection", (Feed("projection", (topic,), handle, settings.worker_batch_events),)
    )


def _intake_group(settings: Settings, taking_in: TakingIn, metrics: Metrics) -> Group:
    from streams.faust_app import Feed

    handled = metrics.counter("tallystick_worker_messages_total", "intake")
    counting = threading.Lock()

    def handle(messages: Sequence[Message]) -> None:
        taking_in.line.handle(messages)
        with counting:
            handled.inc(len(messages))

    # A topic has an agent of its own, and they take turns at the line: what one agency floods its topic with is then
    # not before everybody else's messages.
    feeds = [Feed(f"intake.{topic}", (topic,), handle, settings.max_commit_events) for topic in taking_in.topics]
    return Group(f"{settings.topic_prefix}.intake", tuple(feeds))
