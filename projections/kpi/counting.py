"""Counting one definition's partials, wherever its population comes from.

Refreshing the stored cells, reading them at another moment and testing them all count through here: a
population with a table by SQL, a built one by the reference evaluator over its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import KpiDefinition, Value
from projections.kpi import built, reference, sql
from projections.kpi.conditions import clocks
from projections.kpi.definitions import Definitions
from projections.kpi.partials import Partial
from projections.kpi.partners import memberships
from projections.kpi.periods import at_grain, grain_of, is_period, months_of, shift
from projections.kpi.populations import POPULATIONS, table_of
from projections.kpi.reference import Place
from projections.kpi.tables import CELLS

Valued = Mapping[tuple[str, int], Collection[str]]
"""By KPI version, the months (or reported periods) in which it has a value for everyone."""


@dataclass(frozen=True, slots=True)
class Count:
    """Partials by place, and by place (or, for a built population, as a whole) the next change by the
    clock."""

    partials: dict[Place, Partial]
    next_change_us: dict[Place, int]
    whole_next_us: int | None = None

    def earliest_change_us(self) -> int | None:
        """The next change anywhere."""
        changes = list(self.next_change_us.values())
        if self.whole_next_us is not None:
            changes.append(self.whole_next_us)
        return min(changes, default=None)


def clock_dependent(definition: KpiDefinition) -> bool:
    """Whether the moment of reading matters to the figures."""
    return POPULATIONS[definition.population].built or bool(clocks(definition))


def affected_months(definition: KpiDefinition, marks: Collection[tuple[str, str]]) -> set[str] | None:
    """Which months to count again after these (table, month) changed: none, some, or None for all of
    them."""
    population = POPULATIONS[definition.population]
    mine = [(table, month) for table, month in marks if table in population.marks]
    if not mine:
        return set()
    if population.period != "month":
        return None
    if not population.built:
        return {month for _, month in mine}
    if population.name != "expected_reports" or any(table != "reports" for table, _ in mine):
        return None
    months: set[str] = set()
    for _, month in mine:
        if not is_period(month) or grain_of(month) != "month":
            return None
        # A week ends at the latest in the following month; a quarter and a year in their last.
        months |= {month, shift(month, 1), months_of(at_grain(month, "quarter"))[-1], f"{month[:4]}-12"}
    return months


def count(
    connection: Connection,
    definition: KpiDefinition,
    as_of_us: int,
    zone: str,
    *,
    months: Collection[str] | None = None,
    definitions: Definitions,
    valued: Callable[[], Valued],
) -> Count:
    """The partials of a definition at a moment, of all months or of some ("" for undated rows)."""
    population = POPULATIONS[definition.population]
    if not population.built:
        found = sql.count(connection, definition, table_of(population.name), as_of_us, months)
        return Count(found.partials, found.next_change_us)
    if population.name == "expected_reports":
        rows = built.expected_reports(connection, as_of_us, zone, months)
    else:
        rows = built.kpi_status(definitions, valued(), memberships(connection), as_of_us, zone)
    partials = reference.partials(definition, rows.rows, as_of_us)
    if months is not None:
        partials = {place: partial for place, partial in partials.items() if place[0] in months}
    return Count(partials, {}, rows.next_change_us)


def valued_periods(connection: Connection) -> dict[tuple[str, int], set[str]]:
    """Where each KPI version has a value for everyone, as the stored cells have it."""
    query = select(CELLS.c.kpi, CELLS.c.version, CELLS.c.period).where(CELLS.c.grp == "all", CELLS.c.value.is_not(None))
    found: dict[tuple[str, int], set[str]] = {}
    for kpi, version, period in connection.execute(query):
        found.setdefault((kpi, version), set()).add(period)
    return found


def valued_groups(connection: Connection, key: tuple[str, int]) -> list[tuple[str, str]]:
    """(group, period) of every stored cell of a KPI version that has a value."""
    query = select(CELLS.c.grp, CELLS.c.period).where(
        CELLS.c.kpi == key[0], CELLS.c.version == key[1], CELLS.c.value.is_not(None)
    )
    return [(group, period) for group, period in connection.execute(query)]


def dating(definition: KpiDefinition, period: str) -> bool:
    """Whether a value of this period tells how fresh the KPI is: a month's, or a reported period's."""
    if period == "all":
        return False
    return isinstance(definition.measure, Value) or grain_of(period) == "month"
