"""From counts to figures: what a definition's measure makes of a partial.

Here, apart from counting, because both evaluators and every period share it: rounding happens once, last,
and an empty denominator yields no value whatever the measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from contracts.kpi import (
    AlsoDuration,
    AlsoPercentile,
    Concentration,
    Count,
    Gap,
    KpiDefinition,
    Mean,
    Number,
    Percentile,
    Ratio,
    Return,
    Share,
    Split,
    Total,
    Value,
)
from projections.kpi.comparing import across_groups
from projections.kpi.ends import by_period
from projections.kpi.figures import ALL_GROUPS, CellKey, Figures
from projections.kpi.partials import Partial, Tally
from projections.kpi.periods import ALL, UNDATED, containing, grain_of, is_period
from projections.kpi.reference import ANSWERS, Place
from projections.kpi.rounding import apportion, half_even, margin, percent, percentile, wilson

SECONDS_IN: dict[str, int] = {"minutes": 60, "days": 86_400}
MICRO = 1_000_000
"""A mean is taken over millionths."""


def _rounded(value: Fraction | None, digits: int) -> Decimal | None:
    return None if value is None else half_even(value, digits)


def part_names(measure: Split) -> list[str]:
    """The parts of a split in order, the rest last."""
    return [*(part.name for part in measure.parts), measure.rest]


def parts_of(definition: KpiDefinition) -> list[str]:
    """The groups of a split's parts (``eligibility:eligible``), in order; none for other measures."""
    measure = definition.measure
    if not isinstance(measure, Split):
        return []
    return [f"{measure.dimension}:{name}" for name in part_names(measure)]


def figures(definition: KpiDefinition, partial: Partial) -> Figures:
    """The figures of one cell. An empty denominator yields no value, never 0."""
    digits = definition.rounding.digits
    measure = definition.measure
    n, d = partial.numerator, partial.denominator
    value: Decimal | None
    top: int | Decimal | None = n
    bottom: int | Decimal | None = d
    also: dict[str, Decimal | None] = {}
    match measure:
        case Share():
            value = _rounded(percent(n, d), digits)
            for share in measure.also:
                also[share.name] = _rounded(percent(partial.counts.get(share.name, 0), d), digits)
        case Split():
            names = part_names(measure)
            shares = apportion([partial.counts.get(name, 0) for name in names], digits)
            also = {name: None if shares is None else shares[place] for place, name in enumerate(names)}
            headline = [also[name] for name in measure.headline]
            value = None if shares is None else sum((s for s in headline if s is not None), Decimal(0))
        case Percentile():
            top = None
            scale = 1 if isinstance(measure.of, Number) else SECONDS_IN[definition.unit]
            value = _percentile(partial.histogram, measure.at, scale, digits)
            for extra in measure.also:
                if isinstance(extra, AlsoPercentile):
                    also[extra.name] = _percentile(partial.histogram, extra.at, scale, digits)
                elif isinstance(extra, AlsoDuration):
                    also[extra.name] = _percentile(partial.values.get(extra.name, {}), extra.at, scale, digits)
                else:
                    at_most = extra.limit * scale
                    within = sum(count for value_, count in partial.histogram.items() if value_ <= at_most)
                    also[extra.name] = _rounded(percent(within, d), digits)
        case Count() | Total():
            value = half_even(Fraction(n), digits) if d else None
        case Ratio():
            value = half_even(Fraction(measure.per * n, d), digits) if d else None
        case Mean():
            top = None
            total = sum(number * times for number, times in partial.histogram.items())
            value = half_even(Fraction(total, MICRO * d), digits) if d else None
            single = partial.counts.get(ANSWERS, 0) == d
            also["margin"] = margin(partial.histogram, MICRO, digits) if single else None
        case Gap():
            value = _rounded(percent(n, d), digits)
            also["low"], also["high"] = wilson(n, d, digits) if d else (None, None)
        case Concentration():
            top = None
            squares = sum(amount * amount for amount in partial.counts.values())
            value = half_even(Fraction(squares, d * d), digits) if d else None
            largest = max(partial.counts.values(), default=0)
            also["largest"] = _rounded(percent(largest, d), max(digits - 2, 0))
        case Return():
            value = _rounded(percent(n, d), digits)
            for limit in measure.also:
                returned, of = partial.counts.get(limit.name, 0), partial.counts.get(f"{limit.name}_of", 0)
                also[limit.name] = _rounded(percent(returned, of), digits)
        case Value():
            reported = partial.reported
            value = _reported(reported.value if reported else None)
            value = None if value is None else half_even(Fraction(value), digits)
            top = _reported(reported.numerator if reported else None)
            bottom = _reported(reported.denominator if reported else None)
    return Figures(value, top, bottom, partial.excluded, also, partial.counts, partial.last_us)


def _reported(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _percentile(histogram: Mapping[int, int], at: int, scale: int, digits: int) -> Decimal | None:
    found = percentile(histogram, at)
    return None if found is None else half_even(found / scale, digits)


def part_figures(definition: KpiDefinition, whole: Figures) -> dict[str, Figures]:
    """The figures of each part of a split, by group (``eligibility:eligible``); none for other measures."""
    measure = definition.measure
    if not isinstance(measure, Split):
        return {}
    return {
        f"{measure.dimension}:{name}": Figures(
            whole.also[name],
            whole.counts.get(name, 0),
            whole.denominator,
            whole.excluded,
            last_us=whole.last_us,
        )
        for name in part_names(measure)
    }


def periods_of(definition: KpiDefinition, month: str) -> tuple[str, ...]:
    """The periods to which a partial placed at ``month`` contributes.

    A reported indicator belongs to its own period alone: values of several periods are never added up. So does
    what stands at a period's end, and so do persons who returned, except that all time is the sum of the years.
    """
    if not by_period(definition):
        return containing(month)
    if isinstance(definition.measure, Return):
        if month == UNDATED:
            return (ALL,)
        return (month, ALL) if grain_of(month) == "year" else (month,)
    return (month,) if is_period(month) else ()


def add_up(
    definition: KpiDefinition, partials: Iterable[tuple[Place, Partial]], periods: set[str] | None = None
) -> dict[CellKey, Partial]:
    """The partial of every (period, group) to which these contribute, of all periods or of some."""
    tallies: dict[CellKey, Tally] = {}
    for (month, group), partial in partials:
        for period in periods_of(definition, month):
            if periods is not None and period not in periods:
                continue
            tallies.setdefault((period, ALL_GROUPS), Tally()).add(partial)
            if group and definition.group_by:
                tallies.setdefault((period, f"{definition.group_by}:{group}"), Tally()).add(partial)
    return {key: tally.partial() for key, tally in tallies.items()}


def cell_figures(
    definition: KpiDefinition, partials: Iterable[tuple[Place, Partial]], periods: set[str] | None = None
) -> dict[CellKey, Figures]:
    """The figures of every cell that these partials make, parts of a split included."""
    found: dict[CellKey, Figures] = {}
    for (period, group), partial in add_up(definition, partials, periods).items():
        whole = figures(definition, partial)
        found[period, group] = whole
        if group == ALL_GROUPS:
            for part, shares in part_figures(definition, whole).items():
                found[period, part] = shares
    across_groups(definition, found)
    return found


__all__ = [
    "ALL_GROUPS",
    "CellKey",
    "Figures",
    "add_up",
    "cell_figures",
    "figures",
    "part_figures",
    "part_names",
    "parts_of",
    "periods_of",
]
