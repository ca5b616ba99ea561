"""The sides of a definition: each a plain count or sum over one population, and how they make one partial.

Most definitions have one side, themselves. A ratio has two or three, perhaps over different populations; each is a
definition in its own right, so that counting, testing and explaining it need no knowledge of ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from contracts.kpi import Condition, Count, KpiDefinition, PeriodRule, Ratio, Rows, Total
from projections.kpi.partials import Partial, Tally
from projections.kpi.populations import POPULATIONS, columns_of
from projections.kpi.reference import Place

NO_DENOMINATOR = "no_denominator"
"""The reason under which the numerator of a group without a denominator is left out of a matched ratio."""

Role = Literal["rows", "numerator", "less"]


@dataclass(frozen=True, slots=True)
class Side:
    """One population's part. ``rows`` are the definition's own rows (a ratio's denominator), and ``pointer`` is
    where in the definition the side is said ("" for its own rows)."""

    role: Role
    definition: KpiDefinition
    pointer: str = ""


def sides(definition: KpiDefinition) -> tuple[Side, ...]:
    """The sides of a definition, its own rows first."""
    measure = definition.measure
    if not isinstance(measure, Ratio):
        return (Side("rows", definition),)
    own = definition.model_copy(update={"measure": _added_up(measure.sum)})
    found = [Side("rows", own), Side("numerator", _side(definition, measure.numerator), "/measure/numerator")]
    if measure.less is not None:
        found.append(Side("less", _side(definition, measure.less), "/measure/less"))
    return tuple(found)


def _added_up(column: str | None) -> Count | Total:
    return Count(kind="count") if column is None else Total(kind="total", column=column)


def _side(definition: KpiDefinition, rows: Rows) -> KpiDefinition:
    population = POPULATIONS.get(rows.population)
    group_by = rows.group_by
    if group_by is None and population is not None and definition.group_by in columns_of(population):
        group_by = definition.group_by
    on = definition.period.on if population is None else population.period
    return definition.model_copy(
        update={
            "population": rows.population,
            "weight": None,
            "period": PeriodRule(on=on, grain=definition.period.grain),
            "timing": rows.timing,
            "distinct": rows.distinct,
            "scope": rows.scope,
            "exclude": rows.exclude,
            "measure": _added_up(rows.sum),
            "group_by": group_by if definition.group_by is not None else None,
        }
    )


def populations_of(definition: KpiDefinition) -> tuple[str, ...]:
    """The populations a definition counts, each once, its own first."""
    return tuple(dict.fromkeys(side.definition.population for side in sides(definition)))


def narrowed(
    definition: KpiDefinition, population: str, by: Callable[[Condition | None], Condition | None]
) -> KpiDefinition:
    """The definition with the scope of every side over ``population`` replaced by what ``by`` makes of it."""
    changes: dict[str, object] = {}
    if definition.population == population:
        changes["scope"] = by(definition.scope)
    measure = definition.measure
    if isinstance(measure, Ratio):

        def narrow(rows: Rows | None) -> Rows | None:
            if rows is None or rows.population != population:
                return rows
            return rows.model_copy(update={"scope": by(rows.scope)})

        further = {"numerator": narrow(measure.numerator), "less": narrow(measure.less)}
        changes["measure"] = measure.model_copy(update=further)
    return definition.model_copy(update=changes)


def combine(definition: KpiDefinition, counted: Iterable[tuple[Role, Mapping[Place, Partial]]]) -> dict[Place, Partial]:
    """The partials of a definition from those of its sides.

    Of a ratio, ``numerator`` and ``denominator`` are what the sides come to, ``excluded`` is what either side left
    out, and ``last_us`` the latest moment of a row of any of them.
    """
    found = list(counted)
    measure = definition.measure
    if not isinstance(measure, Ratio):
        return dict(found[0][1])
    tallies: dict[Place, Tally] = {}
    loose: dict[Place, int] = {}
    for role, partials in found:
        for place, partial in partials.items():
            tally = tallies.setdefault(place, Tally())
            tally.see(partial.last_us)
            for reason, n in partial.excluded.items():
                tally.excluded[reason] = tally.excluded.get(reason, 0) + n
            if role == "rows":
                tally.denominator += partial.numerator
            else:
                tally.numerator += partial.numerator if role == "numerator" else -partial.numerator
                loose[place] = loose.get(place, 0) + partial.denominator
    if measure.matched:
        for place, tally in tallies.items():
            if not tally.denominator and loose.get(place):
                tally.excluded[NO_DENOMINATOR] = tally.excluded.get(NO_DENOMINATOR, 0) + loose[place]
                tally.numerator = 0
    return {place: tally.partial() for place, tally in tallies.items()}
