"""From counts to figures: what a definition's measure makes of a partial.

Here, apart from counting, because both evaluators and every period share it: rounding happens once, last,
and an empty denominator yields no value whatever the measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from contracts.kpi import AlsoPercentile, Count, KpiDefinition, Number, Percentile, Share, Split, Value
from projections.kpi.partials import Partial, Tally
from projections.kpi.periods import containing, is_period
from projections.kpi.reference import Place
from projections.kpi.rounding import apportion, half_even, percent, percentile

ALL_GROUPS = "all"
SECONDS_IN: dict[str, int] = {"minutes": 60, "days": 86_400}


@dataclass(frozen=True, slots=True)
class Figures:
    """What is published of a cell apart from its standing; see ``shapes.Cell`` for the fields."""

    value: Decimal | None
    numerator: int | Decimal | None
    denominator: int | Decimal | None
    excluded: Mapping[str, int] = field(default_factory=dict)
    also: Mapping[str, Decimal | None] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    last_us: int | None = None


CellKey = tuple[str, str]
"""(period, group)."""


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
            value = _percentile(partial, measure.at, scale, digits)
            for extra in measure.also:
                if isinstance(extra, AlsoPercentile):
                    also[extra.name] = _percentile(partial, extra.at, scale, digits)
                else:
                    limit = extra.limit * scale
                    within = sum(count for value_, count in partial.histogram.items() if value_ <= limit)
                    also[extra.name] = _rounded(percent(within, d), digits)
        case Count():
            value = half_even(Fraction(n), digits) if d else None
        case Value():
            reported = partial.reported
            value = _reported(reported.value if reported else None)
            value = None if value is None else half_even(Fraction(value), digits)
            top = _reported(reported.numerator if reported else None)
            bottom = _reported(reported.denominator if reported else None)
    return Figures(value, top, bottom, partial.excluded, also, partial.counts, partial.last_us)


def _reported(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _percentile(partial: Partial, at: int, scale: int, digits: int) -> Decimal | None:
    found = percentile(partial.histogram, at)
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

    A reported indicator belongs to its own period alone: values of several periods are never added up.
    """
    if isinstance(definition.measure, Value):
        return (month,) if is_period(month) else ()
    return containing(month)


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
    return found
