"""The relay as a process: what it is made of, what it measures, and when it is well.

It is here, and not in the command, so that a test or a measurement runs the same relay that an operator does.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from contracts.faults import fault
from contracts.ports import Clock
from ops.backends import brokers, open_log
from ops.health import RelayWatch
from ops.metrics import Metrics
from ops.settings import Settings
from streams.kafka.relay import Relay, RelayStanding
from streams.kafka.relay_position import standing
from streams.kafka.topics import Topic, events_topic


@dataclass(frozen=True, slots=True)
class RelayParts:
    """A relay that has not begun, its instruments and what judges it."""

    relay: Relay
    metrics: Metrics
    watch: RelayWatch
    topic: str


def holder_name() -> str:
    """The name of this process among those that may hold a lease; no other has it, also after a restart."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def needs_a_broker(settings: Settings, process: str) -> None:
    """Raise the fault ``settings_invalid`` where there is none."""
    if settings.broker is None:
        raise fault(
            "settings_invalid",
            f"a {process} carries events by a broker, and none is set",
            "/broker",
            hint="Set database and broker; with neither, `tallystick serve` does everything in one process.",
        )


@contextmanager
def open_relay(
    settings: Settings, clock: Clock, *, monotonic_s: Callable[[], float] = time.monotonic
) -> Iterator[RelayParts]:
    """A relay of the ledger that the settings name; it connects to the broker when it runs.

    Raises the faults ``settings_invalid`` and ``settings_differ``, and those of the database.
    """
    needs_a_broker(settings, "relay")
    metrics = Metrics()
    topic = Topic(events_topic(settings.topic_prefix), settings.events_partitions, fixed=True)
    with open_log(settings, clock) as ledger:
        relay = Relay(
            ledger.reader(),
            ledger.store(),
            brokers(settings),
            topic,
            holder=holder_name(),
            clock=clock,
            lease_s=settings.lease_s,
            on_standing=_counting(metrics),
        )
        head, store = ledger.reader().head, ledger.store()

        def sent() -> int:
            # As it is saved, whichever relay saved it: one that stands by tells the same.
            with store.read() as connection:
                return standing(connection, topic.name).log_index

        metrics.watch("tallystick_head_log_index", lambda: head().log_index)
        metrics.watch("tallystick_relay_log_index", sent)
        metrics.watch("tallystick_relay_lag_events", lambda: max(0, head().log_index - sent()))
        metrics.watch("tallystick_relay_sends", lambda: relay.standing.state == "sending")
        yield RelayParts(relay, metrics, RelayWatch(settings, lambda: relay.standing, monotonic_s), topic.name)


def _counting(metrics: Metrics) -> Callable[[RelayStanding], None]:
    """Adds what a relay tells of itself, in totals since it was made, to its counters."""
    sent = metrics.counter("tallystick_relay_sent_total")
    takeovers = metrics.counter("tallystick_relay_takeovers_total")
    before = RelayStanding("stopped", 0, 0, 0, 0, None)
    lock = threading.Lock()

    def tell(now: RelayStanding) -> None:
        nonlocal before
        with lock:
            sent.inc(max(0, now.sent - before.sent))
            takeovers.inc(max(0, now.takeovers - before.takeovers))
            before = now

    return tell
