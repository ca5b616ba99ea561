"""Health by progress: alive is not enough, the position has to move.

A process that answers while its writer is dead or its views stand still is the outage that nobody notices, so
readiness looks at what moved since it last looked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.settings import Settings

HEAD_AHEAD_MAX_S = 300
"""Seconds by which the last recorded_at may lie ahead of the clock: beyond it one of the two moments is wrong."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What readiness is judged by, read now. ``monotonic_s`` is of a clock that never goes back; ``head_ahead_s``
    is how far the last event's recorded_at lies ahead of the clock that gives it.
    """

    position: int
    lag_events: int
    writer_alive: bool
    runner_alive: bool
    brake: bool
    monotonic_s: float
    head_ahead_s: float = 0.0


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


class Watch:
    """Remembers when the position last moved. Safe to ask from any thread."""

    def __init__(self, settings: Settings, read: Callable[[], Vitals]) -> None:
        self._lag_max_events = settings.ready_lag_max_events
        self._stall_max_s = settings.ready_stall_max_s
        self._read = read
        self._lock = threading.Lock()
        self._position = -1
        self._moved_s = 0.0

    def look(self) -> Readiness:
        """Read the vitals and judge them."""
        with self._lock:
            now = self._read()
            if now.position != self._position or now.lag_events == 0:
                self._position = now.position
                self._moved_s = now.monotonic_s
            still_s = now.monotonic_s - self._moved_s
        checks = (
            Check("writer", now.writer_alive, "alive" if now.writer_alive else "the writer thread has ended"),
            Check("runner", now.runner_alive, "alive" if now.runner_alive else "the runner thread has ended"),
            Check("brake", not now.brake, "applied: see tallystick quarantine list" if now.brake else "off"),
            Check(
                "progress",
                still_s <= self._stall_max_s,
                f"position {now.position}"
                if still_s <= self._stall_max_s
                else f"{now.lag_events} events wait, position {now.position} has not moved for {still_s:.0f} s",
            ),
            Check(
                "lag",
                now.lag_events <= self._lag_max_events,
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
