"""Medians, percentiles and peak memory, and the table they are printed in.

Each figure is the median of several runs taken in turns, so that a drift of the machine's speed touches
both sides of a ratio.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MEGABYTE = 1_000_000


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call, garbage collected beforehand."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate(events: int, work: Callable[[], object]) -> float:
    """Events a second of one call that handles so many events."""
    return events / seconds(work)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0–1) of the sorted values lie, nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def peak_rss_bytes(pid: int | str = "self") -> int:
    """The highest resident memory of a process so far (VmHWM), in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise LookupError("this kernel reports no VmHWM")


@dataclass(slots=True)
class Line:
    """One row of the report; ``aim`` is its bar and ``met`` whether it was reached (None: no bar)."""

    what: str
    measured: str
    aim: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Report:
    """The rows in the order in which they were measured."""

    lines: list[Line] = field(default_factory=list)
    show: Callable[[Line], None] | None = None

    def add(self, what: str, measured: str, aim: str = "", met: bool | None = None) -> None:
        """Add a row and show it at once, so that a long run is seen to move."""
        line = Line(what, measured, aim, met)
        self.lines.append(line)
        if self.show is not None:
            self.show(line)

    def ratio(self, what: str, figures: Sequence[float], against: Sequence[float], at_least: float, unit: str) -> None:
        """A row for the median of the ratios of figures that were taken side by side, with both medians beside it.

        ``figures[i]`` and ``against[i]`` come from the same turn, so that a machine that changes its speed from one
        minute to the next touches both alike.
        """
        ratio, told = _ratio(figures, against, unit)
        self.add(what, told, f"≥ {at_least:g} ×", ratio >= at_least)

    def aim(self, what: str, figures: Sequence[float], against: Sequence[float], at_least: float, unit: str) -> None:
        """As ``ratio``, of a figure that has an aim and no bar: whether it was reached is said and fails nothing."""
        ratio, told = _ratio(figures, against, unit)
        self.add(what, told, f"aim {at_least:g} ×, {'reached' if ratio >= at_least else 'not reached'}")

    def at_most(self, what: str, figure: float, bar: float, unit: str) -> None:
        """A row for a figure that may not be higher than its bar."""
        self.add(what, f"{figure:,.0f} {unit}", f"≤ {bar:g} {unit}", figure <= bar)

    @property
    def missed(self) -> list[Line]:
        """The rows that did not reach their bar."""
        return [line for line in self.lines if line.met is False]


def _ratio(figures: Sequence[float], against: Sequence[float], unit: str) -> tuple[float, str]:
    mine, other = statistics.median(figures), statistics.median(against)
    ratio = statistics.median(a / b for a, b in zip(figures, against, strict=True))
    return ratio, f"{ratio:,.1f} × ({mine:,.0f} against {other:,.0f} {unit})"
