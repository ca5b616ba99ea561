"""A KPI read as confirmed: counted over the rows whose shared fact the other side has confirmed.

Here because a number rests on what agencies claim, and a committee may ask what of it both sides stand by. The
definition is the same but for its scope, which is narrowed by what counts as confirmed; nothing of it is stored.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

from sqlalchemy.engine import Connection

from contracts.faults import fault
from contracts.kpi import AllOf, Condition, KpiDefinition
from projections.halves.facts import confirmed_condition
from projections.kpi import counting
from projections.kpi.cells import Reading, chosen
from projections.kpi.figures import ALL_GROUPS, CellKey, Figures
from projections.kpi.measures import cell_figures, parts_of
from projections.kpi.periods import is_period
from projections.kpi.populations import POPULATIONS
from projections.kpi.question import Question
from projections.kpi.shapes import AsOf, Cell
from projections.kpi.sides import narrowed, populations_of

Basis = Literal["claimed", "confirmed"]
BASES: tuple[Basis, ...] = ("claimed", "confirmed")


def as_confirmed(definition: KpiDefinition) -> KpiDefinition | None:
    """The definition over what is confirmed, on every side of it; None where it counts nothing that another agency
    could confirm."""
    found = definition
    for population in populations_of(definition):
        condition = confirmed_condition(POPULATIONS[population].table or population)
        if condition is not None:
            found = narrowed(found, population, partial(_both, condition))
    return None if found is definition else found


def confirmed_cells(
    connection: Connection,
    *,
    kpi: str,
    period: str | None = None,
    group: str | None = None,
    as_of: AsOf,
    version: int | None = None,
    zone: str | None = None,
) -> list[Cell]:
    """The cells of one KPI as ``cells`` gives them, counted now over what is confirmed.

    Raises RejectedFault ``kpi_unknown``, ``group_unknown``, and ``basis_unavailable`` where nobody else is to confirm
    anything that the KPI counts.
    """
    reading = Reading(connection, as_of, zone)
    (definition,) = chosen(reading, kpi, version, period)
    body = as_confirmed(definition.body)
    if body is None or definition.problem is not None:
        raise fault("basis_unavailable", f"{kpi} counts nothing that another agency confirms")
    figures = _figures(reading, body, period)
    known = group in (None, ALL_GROUPS, *parts_of(body)) or any(name == group for _, name in figures)
    # A group may have claims of which none is confirmed.
    if not known and not any(name == group for _, name in _figures(reading, definition.body, period)):
        raise fault("group_unknown", f"{kpi} has no group {group!r}" + (f" in {period}" if period else ""))
    asked = {cell for cell in figures if period in (None, cell[0]) and group in (None, cell[1])}
    if period is not None and is_period(period):
        asked.add((period, group or ALL_GROUPS))
    read = replace(definition, body=body)
    return [
        reading.cell(read, *cell, figures.get(cell), valued=_valued(body, cell[1], figures))
        for cell in sorted(asked, key=lambda cell: (cell[0], cell[1] != ALL_GROUPS, cell[1]))
    ]


def _valued(body: KpiDefinition, group: str, figures: dict[CellKey, Figures]) -> set[str]:
    """The months (or reported periods) in which a group has a value, by which the newest is told."""
    whose = ALL_GROUPS if group in parts_of(body) else group
    return {
        period
        for (period, name), found in figures.items()
        if name == whose and found.value is not None and counting.dating(body, period)
    }


def _figures(reading: Reading, body: KpiDefinition, period: str | None) -> dict[CellKey, Figures]:
    """The figures of every cell of a definition, or of those in a period, counted now."""
    moment_us = reading.as_of.moment_us
    places = None if period is None else Question(body, period, ALL_GROUPS, moment_us, reading.zone, 0).places
    count = counting.count(
        reading.connection,
        body,
        moment_us,
        reading.zone,
        months=places,
        definitions=reading.definitions,
        valued=lambda: {one.key: reading.valued(one) for one in reading.definitions},
    )
    return cell_figures(body, count.partials.items())


def _both(condition: Condition, scope: Condition | None) -> Condition:
    return condition if scope is None else AllOf(op="all_of", conditions=(scope, condition))
