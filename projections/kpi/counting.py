"""Counting one definition's partials, wherever its population comes from.

Refreshing the stored cells, reading them at another moment and testing them all count through here: a
population with a table by SQL, a built one by the reference evaluator over its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import KpiDefinition, Open, Return, Value
from projections.kpi import built, reference, sql, sql_returns, sql_timed, timed
from projections.kpi.conditions import clocks
from projections.kpi.definitions import Definitions
from projections.kpi.ends import by_period, closed_by, come_up, places_of, touched
from projections.kpi.evaluation import side_partials
from projections.kpi.joined import source
from projections.kpi.partials import Partial
from projections.kpi.partners import memberships
from projections.kpi.periods import UNDATED, at_grain, bounds_us, current, grain_of, is_period, months_of, shift, span
from projections.kpi.populations import POPULATIONS, Population
from projections.kpi.reference import Place
from projections.kpi.returns import GRAINS, judged_months
from projections.kpi.sides import combine, sides
from projections.kpi.tables import CELLS
from projections.kpi.trained import trained_staff

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
    return isinstance(definition.measure, Return) or any(
        POPULATIONS[side.definition.population].built or side.definition.timing is not None or clocks(side.definition)
        for side in sides(definition)
    )


def counted_whole(definition: KpiDefinition) -> bool:
    """Whether the clock may change any place of a definition, so that all are counted again when it does."""
    return definition.timing is None and any(POPULATIONS[s.definition.population].built for s in sides(definition))


def places_due(definition: KpiDefinition, since_us: int, now_us: int, zone: str) -> set[str]:
    """The places that may have come into being or moved on since a moment, though nothing in them was waited for."""
    return come_up(since_us, now_us, zone) if definition.timing is not None else set()


def affected_months(
    definition: KpiDefinition, marks: Collection[tuple[str, str]], now_us: int, zone: str
) -> set[str] | None:
    """Which places to count again after these (table, month) changed: none, some, or None for all of them.

    Places are months ("" for undated rows); of what belongs to one period as it is, the periods.
    """
    found: set[str] = set()
    for side in sides(definition):
        places = _affected(side.definition, marks, now_us, zone)
        if places is None:
            return None
        found |= places
    return found


def _affected(definition: KpiDefinition, marks: Collection[tuple[str, str]], now_us: int, zone: str) -> set[str] | None:
    population = POPULATIONS[definition.population]
    mine = [(table, month) for table, month in marks if table in population.marks]
    if not mine:
        return set()
    months = _months_of_rows(population, mine)
    if months is None:
        return None
    if definition.timing is not None:
        if isinstance(definition.timing, Open) and definition.timing.from_ != population.time:
            return None  # a row may be open from a month other than its own
        running = current(now_us, zone, "month")
        return closed_by({end for month in months for end in touched(definition.timing, month, running)}, now_us, zone)
    if isinstance(definition.measure, Return):
        if any(span(month) is None for month in months - {UNDATED}):
            return None
        # A row is a return to what came before it, and may be the first of its own period.
        near = {
            earlier
            for month in months - {UNDATED}
            for earlier in judged_months(definition.measure, month, now_us, zone)
        }
        return {places_of(month, grain) for month in near | months for grain in GRAINS}
    return months


def _months_of_rows(population: Population, marks: Collection[tuple[str, str]]) -> set[str] | None:
    """The months whose rows may have changed; None for all."""
    if population.period != "month":
        return None
    if not population.built:
        months = {month for table, month in marks if table not in population.reach}
        for table, month in marks:
            if table in population.reach and span(month) is not None:
                months |= {shift(month, -by) for by in range(population.reach[table] + 1)}
        return months
    if population.name == "trained_staff" and all(table == "trainings" for table, _ in marks):
        return {month for _, month in marks}
    if population.name != "expected_reports" or any(table != "reports" for table, _ in marks):
        return None
    found: set[str] = set()
    for _, month in marks:
        if not is_period(month) or grain_of(month) != "month":
            return None
        # A week ends at the latest in the following month; a quarter and a year in their last.
        found |= {month, shift(month, 1), months_of(at_grain(month, "quarter"))[-1], f"{month[:4]}-12"}
    return found


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
    """The partials of a definition at a moment, of all places or of some: months ("" for undated rows), or periods
    where what is counted belongs to one period as it is."""
    found = [
        (side.role, _side(connection, side.definition, as_of_us, zone, months, definitions, valued))
        for side in sides(definition)
    ]
    changes: dict[Place, int] = {}
    for _, one in found:
        for place, change in one.next_change_us.items():
            changes[place] = min(change, changes.get(place, change))
    wholes = [one.whole_next_us for _, one in found if one.whole_next_us is not None]
    partials = combine(definition, [(role, one.partials) for role, one in found])
    return Count(partials, changes, min(wholes, default=None))


def _side(
    connection: Connection,
    definition: KpiDefinition,
    as_of_us: int,
    zone: str,
    places: Collection[str] | None,
    definitions: Definitions,
    valued: Callable[[], Valued],
) -> Count:
    population = POPULATIONS[definition.population]
    if population.built:
        asked = None if by_period(definition) else places
        rows = built_rows(connection, population, as_of_us, zone, asked, definitions, valued)
        changes = [] if rows.next_change_us is None else [rows.next_change_us]
        if definition.timing is not None:
            ends = bounds_us(current(as_of_us, zone, "month"), zone)
            assert ends is not None
            changes.append(ends[1])
        for waits in (reference.next_change_us, timed.next_change_us):
            clock = waits(definition, rows.rows, as_of_us)
            changes += [] if clock is None else [clock]
        return Count(side_partials(definition, rows.rows, as_of_us, zone, places), {}, min(changes, default=None))
    if definition.timing is not None:
        partials, change = sql_timed.count(connection, definition, as_of_us, zone, places)
        return Count(partials, {}, change)
    if isinstance(definition.measure, Return):
        found = sql_returns.count(connection, definition, as_of_us, places)
    else:
        found = sql.count(connection, definition, source(population), as_of_us, places)
    return Count(found.partials, found.next_change_us)


def built_rows(
    connection: Connection,
    population: Population,
    as_of_us: int,
    zone: str,
    months: Collection[str] | None,
    definitions: Definitions,
    valued: Callable[[], Valued],
) -> built.Built:
    """The rows of a population without a table: of all months or, where that is less work, of some."""
    if population.name == "trained_staff":
        return built.Built(trained_staff(connection), None)
    if population.name == "obligations":
        # Not at the top, for the two need each other: what is owed includes the reports that are expected, whose rows
        # are built here for K37, and K39 counts what is owed. Reports moved out of here would still need the periods,
        # partners and populations of this package, and be counted by it; only these moved below all would part them.
        from projections.obligations.counted import counted_rows

        return built.Built(counted_rows(connection, zone), None)
    if population.name == "expected_reports":
        return built.expected_reports(connection, as_of_us, zone, months)
    return built.kpi_status(definitions, valued(), memberships(connection), as_of_us, zone)


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
