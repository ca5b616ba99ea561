"""Figures of everyone that come from comparing the groups: the gap between them, and the lowest of them.

Apart from the other measures because such a figure follows from several cells of a period, not from one partial.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from contracts.kpi import Gap, KpiDefinition, Ratio
from projections.kpi.figures import ALL_GROUPS, CellKey, Figures
from projections.kpi.rounding import half_even, percent

BELOW_MINIMUM = "below_minimum"
"""The reason, before a colon and the group's name, under which a group is left out that has too few rows."""

RATIO_DIGITS = 2


def across_groups(definition: KpiDefinition, found: dict[CellKey, Figures]) -> None:
    """Completes the figures of everyone, in every period, with what the groups of that period give."""
    measure = definition.measure
    if not isinstance(measure, Gap) and not (isinstance(measure, Ratio) and measure.also):
        return
    groups: dict[str, dict[str, Figures]] = {}
    for (period, group), figures in found.items():
        if group != ALL_GROUPS:
            groups.setdefault(period, {})[group] = figures
    for period in [period for period, group in found if group == ALL_GROUPS]:
        everyone, mine = found[period, ALL_GROUPS], groups.get(period, {})
        if isinstance(measure, Gap):
            found[period, ALL_GROUPS] = _gap(definition, measure, everyone, mine)
        else:
            values = [figures.value for figures in mine.values() if figures.value is not None]
            lowest = {also.name: min(values, default=None) for also in measure.also}
            found[period, ALL_GROUPS] = replace(everyone, also={**everyone.also, **lowest})


def _gap(definition: KpiDefinition, measure: Gap, everyone: Figures, groups: dict[str, Figures]) -> Figures:
    """The highest share less the lowest, in percentage points, with both and their ratio beside it.

    Taken from the exact shares and rounded once, so it may differ in the last digit from the difference of the
    rounded ones.
    """
    digits = definition.rounding.digits
    shares: list[Fraction] = []
    excluded = dict(everyone.excluded)
    for group, figures in sorted(groups.items()):
        n, d = int(figures.numerator or 0), int(figures.denominator or 0)
        share = percent(n, d)
        if d >= measure.minimum and share is not None:
            shares.append(share)
        elif d:
            excluded[f"{BELOW_MINIMUM}:{group.partition(':')[2]}"] = d
    also: dict[str, Decimal | None] = dict.fromkeys(("highest", "lowest", "ratio"))
    value = None
    if len(shares) > 1:
        highest, lowest = max(shares), min(shares)
        value = half_even(highest - lowest, digits)
        also["highest"], also["lowest"] = half_even(highest, digits), half_even(lowest, digits)
        also["ratio"] = half_even(highest / lowest, max(RATIO_DIGITS, digits)) if lowest else None
    return replace(everyone, value=value, also=also, excluded=excluded)
