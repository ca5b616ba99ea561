"""How far a projector is behind the log, in events and in seconds.

Here because both are needed to judge it: a thousand events are nothing on a busy day, and one event is too
many if it has been waiting since yesterday.
"""

from __future__ import annotations

from dataclasses import dataclass

from contracts.ports import LogReader


@dataclass(frozen=True, slots=True)
class Lag:
    """``events`` recorded but not yet applied; ``seconds`` since the oldest of them was recorded, 0 if
    none."""

    events: int
    seconds: float


def measure(reader: LogReader, position: int, now_us: int) -> Lag:
    """The lag of a projector that stands at ``position``."""
    events = max(0, reader.head().log_index - position)
    if events == 0:
        return Lag(0, 0.0)
    oldest = reader.after(position, 1)
    waiting_us = now_us - oldest[0].recorded_at_us if oldest else 0
    return Lag(events, max(0, waiting_us) / 1_000_000)
