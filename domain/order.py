"""The order of decisions about one aggregate: each is dated, and none is dated before the one it follows.

It is here because decisions are taken in the order in which they are recorded, while everything that reads them
lets the latest by (time, source, id) stand: unless both orders are one, a decision could be recorded, answered
with a receipt, and change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contracts.faults import fault
from contracts.moments import format_us

_THINGS = ("commitment", "kpi", "objective", "goal")
"""Payload fields that say what within the aggregate a decision is about, the narrowest first."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a decision stands among others. ``about`` is its type and what within the aggregate it is about."""

    time_us: int | None
    about: tuple[str, str]
    identity: tuple[str, str]


def place(type: str, data: dict[str, Any], time_us: int | None, source: str, id: str) -> Place:
    """The place of a decision with this catalogue name, payload, time (UTC microseconds) and identity."""
    thing = next((str(data[name]) for name in _THINGS if data.get(name) is not None), "")
    return Place(time_us, (type, thing), (source, id))


class Order:
    """The decisions of one aggregate so far, as far as the next one has to follow them."""

    def __init__(self) -> None:
        """No decision yet."""
        self._last_us: int | None = None
        self._at_last: dict[tuple[str, str], tuple[str, str]] = {}

    def check(self, next_one: Place) -> None:
        """Raise ``decision_undated`` or ``decision_out_of_order`` where this decision cannot be the next one."""
        if next_one.time_us is None:
            raise fault("decision_undated", "The decision does not say when it was taken.", "/time")
        if self._last_us is None:
            return
        if next_one.time_us < self._last_us:
            raise fault(
                "decision_out_of_order",
                f"The last decision here is of {format_us(self._last_us)}, "
                f"this one of {format_us(next_one.time_us)}: it would change nothing.",
                "/time",
                last_time=format_us(self._last_us),
            )
        before = self._at_last.get(next_one.about) if next_one.time_us == self._last_us else None
        if before is not None and next_one.identity < before:
            raise fault(
                "decision_out_of_order",
                f"{before[0]} {before[1]} decided on the same at the same moment, {format_us(self._last_us)}, and "
                "stands before this one by source and id: this one would change nothing.",
                "/time",
                last_time=format_us(self._last_us),
            )

    def follow(self, taken: Place) -> None:
        """Go on from a decision that was taken. Never refuses: what is recorded has happened."""
        if taken.time_us is None:
            return
        if self._last_us is None or taken.time_us > self._last_us:
            self._last_us = taken.time_us
            self._at_last = {}
        if taken.time_us == self._last_us:
            self._at_last[taken.about] = max(taken.identity, self._at_last.get(taken.about, taken.identity))
