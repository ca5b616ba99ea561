"""The SQL of returns: persons with a row in a period and another one soon after it.

One pass over the rows of the periods wanted and of the months after them, with window functions that SQLite and
PostgreSQL share; ``returns`` is the plain evaluator it must agree with.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Integer, and_, case, cast, func, literal, null, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement, Select, Subquery

from contracts.kpi import KpiDefinition, Return
from projections.dialect import spanned
from projections.kpi import sql
from projections.kpi.conditions import DAY_US
from projections.kpi.joined import source
from projections.kpi.partials import NO_VALUE, Tally
from projections.kpi.periods import UNDATED, Grain, grain_of, months_of, shift
from projections.kpi.populations import POPULATIONS, table_of
from projections.kpi.reference import Place
from projections.kpi.returns import GRAINS, WINDOW_OPEN, reach_months


def count(
    connection: Connection, definition: KpiDefinition, as_of_us: int, wanted: Collection[str] | None = None
) -> sql.Counted:
    """The partials of all months, quarters and years, or of those wanted, at ``as_of_us``."""
    tallies: dict[Place, Tally] = {}
    changes: dict[Place, int] = {}
    for grain in GRAINS:
        places = None if wanted is None else _of_grain(wanted, grain)
        if places is None or places:
            _at_grain(connection, definition, as_of_us, grain, places, tallies, changes)
    return sql.Counted({place: tally.partial() for place, tally in tallies.items()}, changes)


def _of_grain(wanted: Collection[str], grain: Grain) -> set[str]:
    """The places of one grain; undated rows are counted with the years."""
    return {place for place in wanted if (grain == "year" if place == UNDATED else grain_of(place) == grain)}


def _at_grain(
    connection: Connection,
    definition: KpiDefinition,
    as_of_us: int,
    grain: Grain,
    places: set[str] | None,
    tallies: dict[Place, Tally],
    changes: dict[Place, int],
) -> None:
    measure = definition.measure
    assert isinstance(measure, Return)
    judged = _judged(definition, as_of_us, grain, places)
    for row in connection.execute(_left_out(judged)).mappings():
        if grain != "year" and not row["place"]:
            continue
        place = (row["place"], row["grp"] or "")
        if places is not None and place[0] not in places:
            continue
        tally = tallies.setdefault(place, Tally())
        tally.see(row["last_us"])
        if row["reason"]:
            tally.excluded[row["reason"]] = tally.excluded.get(row["reason"], 0) + int(row["n"])
    limits = [measure.days, *(also.days for also in measure.also)]
    for row in connection.execute(_persons(judged, measure, limits, as_of_us)).mappings():
        if grain != "year" and not row["place"]:
            continue
        place = (row["place"], row["grp"] or "")
        if places is not None and place[0] not in places:
            continue
        tally = tallies.setdefault(place, Tally())
        persons, stand = int(row["persons"]), [row[f"stand_{number}"] for number in range(len(limits))]
        if row["change_us"] is not None:
            changes[place] = min(row["change_us"], changes.get(place, row["change_us"]))
        if stand[0] == OPEN:
            tally.excluded[WINDOW_OPEN] = tally.excluded.get(WINDOW_OPEN, 0) + persons
        else:
            tally.denominator += persons
            tally.numerator += persons if stand[0] else 0
        for also, returned in zip(measure.also, stand[1:], strict=True):
            if returned != OPEN:
                tally.counts[f"{also.name}_of"] = tally.counts.get(f"{also.name}_of", 0) + persons
                tally.counts[also.name] = tally.counts.get(also.name, 0) + (persons if returned else 0)


OPEN = -1
"""How the SQL says that nobody can tell yet."""


def _place(month: ColumnElement[Any], grain: Grain) -> ColumnElement[Any]:
    year = func.substr(month, 1, 4)
    if grain == "month":
        place = month
    elif grain == "year":
        place = year
    else:
        number = (cast(func.substr(month, 6, 2), Integer) + 2) // literal(3, Integer)
        place = year + literal("-Q") + case(*((number == q, str(q)) for q in (1, 2, 3, 4)))
    return case((month.is_(None), UNDATED), else_=place)


def _judged(definition: KpiDefinition, as_of_us: int, grain: Grain, places: set[str] | None) -> Subquery:
    """Every row in scope of the periods and of the months in which a return is looked for, with why it is left out."""
    measure = definition.measure
    assert isinstance(measure, Return)
    population = POPULATIONS[definition.population]
    table = source(population)
    (key,) = table_of(population.table or population.name).primary_key.columns
    month = table.c[definition.period.on]
    person, at = table.c[measure.person], table.c[measure.at]
    reasons = [
        *((sql.compile_condition(one.when, table, as_of_us), literal(one.reason)) for one in definition.exclude),
        (or_(person.is_(None), at.is_(None)), literal(NO_VALUE)),
    ]
    query = select(
        _place(month, grain).label("place"),
        (null() if definition.group_by is None else table.c[definition.group_by]).label("grp"),
        key.label("key"),
        person.label("person"),
        at.label("at_us"),
        case(*reasons, else_=literal("")).label("reason"),
        (null() if population.time is None else table.c[population.time]).label("moment"),
    )
    if definition.scope is not None:
        query = query.where(sql.compile_condition(definition.scope, table, as_of_us))
    if places is not None:
        query = query.where(_near(month, places, reach_months(measure)))
    return query.subquery("judged")


def _near(month: ColumnElement[Any], places: set[str], reach: int) -> ColumnElement[bool]:
    """The months of some periods and those in which a return to them is looked for."""
    dated = sorted(place for place in places if place != UNDATED)
    found = []
    if dated:
        first, last = months_of(dated[0])[0], max(months_of(place)[-1] for place in dated)
        found.append(spanned(month, first, shift(last, reach)))
    if UNDATED in places:
        found.append(month.is_(None))
    return or_(*found)


def _left_out(judged: Subquery) -> Select[Any]:
    """Rows by place, group and the reason for leaving them out ("" for those that count)."""
    keys = [judged.c.place, judged.c.grp, judged.c.reason]
    return select(
        *keys,
        func.count().label("n"),
        func.max(judged.c.moment).label("last_us"),
    ).group_by(*keys)


def _persons(judged: Subquery, measure: Return, limits: list[int], as_of_us: int) -> Select[Any]:
    """Persons by place, by the group of their first row in it, and by how they stand under each limit."""
    c = judged.c
    in_order = [c.at_us, c.key]
    after = (
        select(
            c.place,
            c.grp,
            c.person,
            c.key,
            c.at_us,
            func.lead(c.at_us).over(partition_by=c.person, order_by=in_order).label("next_us"),
        )
        .where(c.reason == "")
        .subquery("after")
    )
    a = after.c
    mine = [a.person, a.place]
    soon = [case((and_(a.next_us.is_not(None), a.next_us - a.at_us <= days * DAY_US), 1), else_=0) for days in limits]
    first = measure.after == "first"
    ranked = select(
        a.place,
        a.grp,
        func.row_number().over(partition_by=mine, order_by=[a.at_us, a.key]).label("rank"),
        (a.at_us if first else func.max(a.at_us).over(partition_by=mine)).label("since_us"),
        *((one if first else func.max(one).over(partition_by=mine)).label(f"soon_{n}") for n, one in enumerate(soon)),
    ).subquery("ranked")
    r = ranked.c
    stand, change = [], []
    for number, days in enumerate(limits):
        returned, due = r[f"soon_{number}"], r.since_us + days * DAY_US
        waiting = due > as_of_us
        stand.append(case((waiting, OPEN), else_=returned).label(f"stand_{number}"))
        change.append(case((waiting, due)))
    told = select(r.place, r.grp, *stand, *(one.label(f"due_{n}") for n, one in enumerate(change)))
    each = told.where(r.rank == 1).subquery("each")
    keys = [each.c.place, each.c.grp, *(each.c[f"stand_{n}"] for n in range(len(limits)))]
    least = [func.min(each.c[f"due_{n}"]) for n in range(len(limits))]
    soonest: ColumnElement[Any] = least[0]
    for other in least[1:]:
        soonest = case((soonest.is_(None), other), (other.is_(None), soonest), (other < soonest, other), else_=soonest)
    return select(*keys, func.count().label("persons"), soonest.label("change_us")).group_by(*keys)
