"""Trends drawn as small SVG strings on the server, each with its text alternative.

They are drawn here so that a page needs no script to be read. Colours come from the stylesheet by class; the attributes
on each shape are what is seen, and printed, without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from markupsafe import Markup, escape

from ops.pages.words import period_short, period_words, value_words
from projections.kpi.shapes import TrendPoint


@dataclass(frozen=True, slots=True)
class _Frame:
    """A drawing area and its scale: ``low`` and ``high`` are the values at its bottom and top edge."""

    left: float
    top: float
    right: float
    bottom: float
    low: float
    high: float
    count: int

    def x(self, index: int) -> float:
        if self.count == 1:
            return (self.left + self.right) / 2
        return self.left + (self.right - self.left) * index / (self.count - 1)

    def y(self, value: Decimal | float) -> float:
        share = (float(value) - self.low) / (self.high - self.low)
        return self.bottom - (self.bottom - self.top) * share


def trend_words(points: Sequence[TrendPoint], unit: str) -> str:
    """The trend in a sentence or two: the text alternative of both charts."""
    known = [(point, point.value) for point in points if point.value is not None]
    if not known:
        return "No trend: there is no period with a value."
    (first, first_value), (last, last_value) = known[0], known[-1]
    if len(known) == 1:
        said = f"One value: {value_words(first_value, unit)} in {period_words(first.period)}."
    else:
        low = min(known, key=lambda pair: pair[1])
        high = max(known, key=lambda pair: pair[1])
        said = (
            f"From {value_words(first_value, unit)} in {period_words(first.period)} "
            f"to {value_words(last_value, unit)} in {period_words(last.period)}; "
            f"lowest {value_words(low[1], unit)} in {period_words(low[0].period)}, "
            f"highest {value_words(high[1], unit)} in {period_words(high[0].period)}."
        )
    if last.target is not None:
        said += f" Target {value_words(last.target, unit)}."
    gaps = len(points) - len(known)
    if gaps:
        said += f" {gaps} {'period has' if gaps == 1 else 'periods have'} no value."
    if not last.complete:
        said += " The last period is not over yet."
    return said


def sparkline(points: Sequence[TrendPoint], unit: str) -> Markup:
    """A 168 x 44 line without axes; a dashed line marks the target and a hollow end a period that is not over."""
    numbers = [float(v) for point in points for v in (point.value, point.target) if v is not None]
    if not any(point.value is not None for point in points):
        return Markup('<p class="spark-none">No trend yet</p>')
    low, high = min(numbers), max(numbers)
    room = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    frame = _Frame(5, 5, 163, 39, low - room, high + room, len(points))
    parts = [
        '<svg class="spark" viewBox="0 0 168 44" width="168" height="44" role="img" '
        f'aria-label="{escape("Trend. " + trend_words(points, unit))}">'
    ]
    parts.extend(_target(points, frame))
    parts.extend(_line(points, frame))
    last = max(i for i, point in enumerate(points) if point.value is not None)
    parts.append(_dot(points[last], frame, last, 3.5))
    parts.append("</svg>")
    return Markup("".join(parts))


def trend_chart(points: Sequence[TrendPoint], unit: str, key: str) -> Markup:
    """The trend against its target with axes, drawn twice: wide, and narrow for a phone (the stylesheet shows one).

    ``key`` makes the ids of the two drawings unique on the page.
    """
    if not any(point.value is not None for point in points):
        return Markup('<p class="chart-none">There is no period with a value to draw yet.</p>')
    wide = _drawing(points, unit, f"{key}-wide", "chart chart-wide", 760, 320)
    return wide + _drawing(points, unit, f"{key}-narrow", "chart chart-narrow", 360, 260)


def _drawing(points: Sequence[TrendPoint], unit: str, key: str, css: str, width: int, height: int) -> Markup:
    ticks = _ticks([float(v) for p in points for v in (p.value, p.target) if v is not None], unit)
    frame = _Frame(52, 16, width - 20, height - 34, ticks[0], ticks[-1], len(points))
    parts = [
        f'<svg class="{css}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}">'
        f'<title id="{key}">{escape("Trend. " + trend_words(points, unit))}</title>'
    ]
    for tick in ticks:
        y = frame.y(tick)
        label = value_words(_plain(tick), unit if unit == "percent" else "number")
        parts.append(
            f'<line class="grid" x1="{frame.left}" x2="{frame.right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text class="tick" x="{frame.left - 8}" y="{y + 4:.1f}" text-anchor="end" font-size="13">{label}</text>'
        )
    step = max(1, math.ceil(len(points) * 78 / (frame.right - frame.left)))
    shown = range(len(points) - 1, -1, -step)
    for index in shown:
        anchor = "end" if index == len(points) - 1 and len(points) > 1 else "middle"
        x = frame.right + 12 if anchor == "end" else frame.x(index)
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{height - 10}" text-anchor="{anchor}" font-size="13">'
            f"{escape(period_short(points[index].period))}</text>"
        )
    parts.extend(_target(points, frame))
    parts.extend(_line(points, frame))
    parts.extend(_dot(p, frame, i, 4.5) for i, p in enumerate(points) if p.value is not None)
    parts.append("</svg>")
    return Markup("".join(parts))


def _line(points: Sequence[TrendPoint], frame: _Frame) -> list[str]:
    # A period without a value breaks the line: nothing is drawn where nothing is known. The stretch into a period that
    # is not over is dotted.
    parts = []
    for index, (before, after) in enumerate(pairwise(points)):
        if before.value is not None and after.value is not None:
            css = "trend" if after.complete else "trend running"
            dash = "" if after.complete else ' stroke-dasharray="1 5"'
            parts.append(
                f'<line class="{css}" x1="{frame.x(index):.1f}" y1="{frame.y(before.value):.1f}" '
                f'x2="{frame.x(index + 1):.1f}" y2="{frame.y(after.value):.1f}" stroke="#0b5c6b" '
                f'stroke-width="2.5" stroke-linecap="round"{dash}/>'
            )
    return parts


def _target(points: Sequence[TrendPoint], frame: _Frame) -> list[str]:
    half = (frame.right - frame.left) / max(1, len(points) - 1) / 2
    steps = []
    start: float | None = None
    for index, point in enumerate(points):
        following = points[index + 1].target if index + 1 < len(points) else None
        if point.target is None:
            continue
        if start is None:
            start = max(frame.left, frame.x(index) - half)
        if following != point.target:
            end = min(frame.right, frame.x(index) + half)
            y = frame.y(point.target)
            steps.append(
                f'<line class="goal-line" x1="{start:.1f}" x2="{end:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
                'stroke="#5b6470" stroke-width="1.5" stroke-dasharray="5 4"/>'
            )
            start = None
    return steps


def _dot(point: TrendPoint, frame: _Frame, index: int, radius: float) -> str:
    if point.value is None:
        return ""
    css = "point" if point.complete else "point running"
    fill = "#0b5c6b" if point.complete else "#fff"
    return (
        f'<circle class="{css}" cx="{frame.x(index):.1f}" cy="{frame.y(point.value):.1f}" r="{radius}" '
        f'fill="{fill}" stroke="#0b5c6b" stroke-width="2"/>'
    )


def _ticks(numbers: Sequence[float], unit: str) -> list[float]:
    """Four to seven round values that enclose the numbers; from 0 where that costs less than half of the height."""
    low, high = min(numbers), max(numbers)
    if low >= 0 and (low <= high / 2 or high == low):
        low = 0.0
    if high == low:
        high = low + 1
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    if last * step == high and not (unit == "percent" and high >= 100):
        last += 1
    return [round(i * step, 9) for i in range(first, last + 1)]


def _plain(value: float) -> Decimal:
    number = Decimal(repr(value)).normalize()
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number
