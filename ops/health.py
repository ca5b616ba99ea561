"""Health by progress: alive is not enough, the position has to move.

A process that answers while its writer is dead or its views stand still is the outage that nobody notices, so
readiness looks at what moved since it last looked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ops.addresses import without_secrets
from ops.settings import Settings

if TYPE_CHECKING:
    from streams.kafka.relay import RelayStanding

HEAD_AHEAD_MAX_S = 300
"""Seconds by which the last recorded_at may lie ahead of the clock: beyond it one of the two moments is wrong."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What readiness is judged by, read now. ``monotonic_s`` is of a clock that never goes back; ``head_ahead_s``
    is how far the last event's recorded_at lies ahead of the clock that gives it. ``follows`` tells whether it is this
    process that applies events: where workers do, their standing still is theirs to tell, and this one goes on.
    """

    position: int
    lag_events: int
    writer_alive: bool
    runner_alive: bool
    brake: bool
    monotonic_s: float
    head_ahead_s: float = 0.0
    follows: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this process should be sent work, and why not."""

    ready: bool
    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "ready": self.ready,
            "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in self.checks],
        }


class Stall:
    """Remembers when a position last moved or there was nothing to move for. Not safe from several threads at once."""

    def __init__(self) -> None:
        self._position = -1
        self._moved_s = 0.0

    def still_s(self, position: int, waiting: bool, monotonic_s: float) -> float:
        """For how many seconds the position has stood still while something waits."""
        if position != self._position or not waiting:
            self._position, self._moved_s = position, monotonic_s
        return monotonic_s - self._moved_s


class Watch:
    """Remembers when the position last moved. Safe to ask from any thread."""

    def __init__(self, settings: Settings, read: Callable[[], Vitals]) -> None:
        self._lag_max_events = settings.ready_lag_max_events
        self._stall_max_s = settings.ready_stall_max_s
        self._read = read
        self._lock = threading.Lock()
        self._stall = Stall()

    def look(self) -> Readiness:
        """Read the vitals and judge them."""
        with self._lock:
            now = self._read()
            still_s = self._stall.still_s(now.position, now.lag_events > 0, now.monotonic_s)
        braked = "applied: see tallystick quarantine list" if now.brake else "off"
        checks = (
            Check("writer", now.writer_alive, "alive" if now.writer_alive else "the writer thread has ended"),
            Check("runner", now.runner_alive, "alive" if now.runner_alive else "the runner thread has ended"),
            Check("brake", not (now.brake and now.follows), braked),
            Check(
                "progress",
                still_s <= self._stall_max_s or not now.follows,
                f"position {now.position}"
                if still_s <= self._stall_max_s
                else f"{now.lag_events} events wait, position {now.position} has not moved for {still_s:.0f} s",
            ),
            Check(
                "lag",
                now.lag_events <= self._lag_max_events or not now.follows,
                f"{now.lag_events} events behind, at most {self._lag_max_events} allowed",
            ),
            Check(
                "clock",
                now.head_ahead_s <= HEAD_AHEAD_MAX_S,
                "not behind the last event"
                if now.head_ahead_s <= HEAD_AHEAD_MAX_S
                else f"the last event was recorded {now.head_ahead_s:,.0f} s ahead of the clock: see tallystick doctor",
            ),
        )
        return Readiness(all(check.ok for check in checks), checks)


class RelayWatch:
    """Whether a relay should be left alone: it sends, or stands by for the one that does. Ask from any thread."""

    def __init__(self, settings: Settings, read: Callable[[], RelayStanding], monotonic_s: Callable[[], float]) -> None:
        self._stall_max_s = settings.ready_stall_max_s
        self._read = read
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._stall = Stall()

    def look(self) -> Readiness:
        """Read how it is doing and judge it."""
        with self._lock:
            now = self._read()
            waits = now.state != "waiting" and now.head > now.position
            still_s = self._stall.still_s(now.position, waits, self._monotonic_s())
        away = now.state in ("broker_away", "database_away", "stopped")
        stalled = still_s > self._stall_max_s
        said = f"{now.state}, at {now.position}"
        return Readiness(
            not away and not stalled,
            (
                Check("engines", not away, said if now.error is None else f"{said}: {without_secrets(now.error)}"),
                Check("progress", not stalled, said if not stalled else f"{said}: not moved for {still_s:.0f} s"),
            ),
        )
