"""The standing of a value: on track, watch, off track, and the standings that say why none can be said.

Law 8 lives here: no data, stale and unowned are statuses of their own and come before any comparison with a
target, so that none of them can ever be read as on track.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from contracts.kpi import Freshness, KpiDefinition
from projections.kpi.periods import ALL, DAY_US, Grain, at_grain, bounds_us, months_of, shift, span
from projections.kpi.shapes import CellStatus


@dataclass(frozen=True, slots=True)
class Bands:
    """How far short of its target a value may fall, in the KPI's unit."""

    on_track: Decimal = Decimal(0)
    watch: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A status with its reason in words."""

    status: CellStatus
    reason: str


@dataclass(frozen=True, slots=True)
class Staleness:
    """Since when a KPI is stale, and why."""

    since_us: int
    reason: str


def standing(
    *,
    value: Decimal | None,
    staleness: Staleness | None,
    owned: bool,
    target: Decimal | None,
    direction: str,
    bands: Bands,
) -> Standing:
    """The status of a value, by precedence: no data, stale, unowned, no target, then the comparison."""
    if value is None:
        return Standing("no_data", "nothing could be counted")
    if staleness is not None:
        return Standing("stale", staleness.reason)
    if not owned:
        return Standing("unowned", "no partner answers for this number")
    if target is None:
        return Standing("no_target", "no target is set for this period")
    if direction == "none":
        return Standing("no_target", "neither way is good, so no target applies")
    short = target - value if direction == "up" else value - target
    if short <= bands.on_track:
        return Standing("on_track", "the target is met" if short <= 0 else "within the band of the target")
    if short <= bands.watch:
        return Standing("watch", "short of the target, within the band to watch")
    return Standing("off_track", "short of the target")


def last_month(period: str) -> str:
    """The last month of a period other than "all"."""
    return months_of(period)[-1]


def fresh_until_us(period: str, freshness: Freshness, zone: str) -> int:
    """Until when a value of this period is current: the end of the next cadence, plus the days of grace.

    A monthly figure of March is current through April, in which April's is in the making, and the grace
    after it.
    """
    return _cadence_after_us(period, freshness.cadence, zone) + freshness.grace_days * DAY_US


@lru_cache(maxsize=8192)
def _cadence_after_us(period: str, cadence: Grain, zone: str) -> int:
    ends = bounds_us(shift(at_grain(last_month(period), cadence), 1), zone)
    assert ends is not None
    return ends[1]


def lies_within(period: str, outer: str) -> bool:
    """Whether all of ``period`` lies in ``outer``; everything lies in "all"."""
    inner, ends = span(period), span(outer)
    return inner is not None and (ends is None or (ends[0] <= inner[0] and inner[1] <= ends[1]))


def newest(periods: Iterable[str], within: str) -> str | None:
    """The period that ends last among those that lie within ``within``."""
    if isinstance(periods, set) and within in periods and within != ALL:
        return within
    found: tuple[int, str] | None = None
    for period in periods:
        ends = span(period)
        if ends is not None and lies_within(period, within) and (found is None or ends[1] > found[0]):
            found = (ends[1], period)
    return None if found is None else found[1]


def staleness(
    definition: KpiDefinition,
    period: str,
    valued: Iterable[str],
    silent: Sequence[tuple[str, int]],
    moment_us: int,
    zone: str,
) -> Staleness | None:
    """Whether a cell's value is too old to stand for its period at ``moment_us``.

    ``valued`` are the months (or reported periods) in which the KPI has a value, ``silent`` the feeds it
    lives on whose latest expected report is missing, with the moment each was due. A period that is over is
    judged as of the time when it should have been complete, so that history does not go stale by being
    history.
    """
    open_until = None if period == ALL else fresh_until_us(period, definition.freshness, zone)
    judged = moment_us if open_until is None else min(moment_us, open_until)
    last = newest(valued, period)
    if last is not None:
        until = fresh_until_us(last, definition.freshness, zone)
        if judged > until:
            return Staleness(until, f"the newest value is of {last}")
    if silent and (open_until is None or moment_us <= open_until):
        feed, due = min(silent, key=lambda item: (item[1], item[0]))
        return Staleness(due, f"the report {feed} is overdue")
    return None


def target_for(targets: Sequence[Mapping[str, Any]], period: str, today: str) -> Decimal | None:
    """The target that applies to a period, or None.

    In order: the one set for it; the one for the shortest period that contains it; the latest one of a
    period that ended before it does, carried forward. "all" is read by the target of ``today``'s month.
    """
    if period == ALL:
        period = today
    inner = span(period)
    if inner is None:
        return None
    best: tuple[tuple[int, int], Any] | None = None
    for entry in targets:
        outer = span(entry["period"])
        if outer is None:
            continue
        if outer[0] <= inner[0] and inner[1] <= outer[1]:
            rank = (1, -(outer[1] - outer[0]))
        elif outer[1] < inner[1]:
            rank = (0, outer[1] * 100 - (outer[1] - outer[0]))
        else:
            continue
        if best is None or rank > best[0]:
            best = (rank, entry["value"])
    return None if best is None else Decimal(str(best[1]))
