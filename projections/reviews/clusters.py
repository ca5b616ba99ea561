"""Rows that count together: of one person, of one thing said anew, or a referral with the services that followed.

Apart because such a row's part in a number depends on others. Those that share a value make a cluster, clusters are
independent of each other, and each is small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from contracts.kpi import Latest, Return
from projections import statements
from projections.kpi.joined import with_first_service
from projections.kpi.populations import Row
from projections.kpi.question import Question
from projections.reviews.fewest import fewest
from projections.reviews.rows import Unit, Units

STEPS_MAX = 12
"""Later events about a unit up to which the values on its way from old to new are looked at, too."""


@dataclass(slots=True)
class Part:
    """Rows of one table that may be in clusters: how to make them, by which ``column`` they are linked, and what
    subject a row is about."""

    units: Units
    table: Table
    column: str
    subject: Callable[[Row], str]
    changed: list[Unit] = field(default_factory=list)


def link(question: Question) -> str:
    """The column by whose values the rows of a definition count together."""
    definition = question.definition
    if isinstance(definition.measure, Return):
        return definition.measure.person
    if isinstance(definition.timing, Latest):
        return definition.timing.by[0]
    return definition.distinct or "referral"


def cluster_causes(
    connection: Connection,
    question: Question,
    parts: Sequence[Part],
    contribution: Callable[[Question, Iterable[Row]], str],
) -> set[int]:
    """The events responsible for a changed cell whose rows count together; ``parts`` hold the units that changed."""
    values: dict[tuple[int, Unit], set[Any]] = {
        (place, unit): _values(part, unit) for place, part in enumerate(parts) for unit in part.changed
    }
    context = [_context(connection, part, set().union(*values.values()) if values else set()) for part in parts]
    events: set[int] = set()
    for members in _connected(values):
        shared = set().union(*(values[member] for member in members))
        mine = [member for member in members if member[1].later]
        fixed = [[row for value in shared for row in context[place].get(value, ())] for place in range(len(parts))]

        def rows(
            some: Iterable[int],
            members: Sequence[tuple[int, Unit]] = members,
            fixed: Sequence[Sequence[Row]] = fixed,
        ) -> list[Row]:
            taken = set(some)
            made: list[list[Row]] = [list(found) for found in fixed]
            for place, unit in members:
                made[place] += parts[place].units.rows(unit, taken & unit.later.keys())
            return list(with_first_service(*made)) if len(made) > 1 else made[0]

        later = sorted({index for _, unit in mine for index in unit.later})
        if contribution(question, rows(())) != contribution(question, rows(later)):
            events |= set(fewest(later, lambda some, rows=rows: contribution(question, rows(some))))  # type: ignore[misc]
    return events


def _values(part: Part, unit: Unit) -> set[Any]:
    """The values by which a unit's rows are linked, as they were, as they are and on the way there."""
    every = sorted(unit.later)
    steps = [every[:n] for n in range(len(every))] if len(every) <= STEPS_MAX else [[]]
    return {row[part.column] for some in [*steps, every] for row in part.units.rows(unit, some)} - {None}


def _context(connection: Connection, part: Part, values: set[Any]) -> dict[Any, list[Row]]:
    """The rows as they are that share one of these values, but for those of the units that changed."""
    changed = {subject for unit in part.changed for subject in unit.subjects}
    found: dict[Any, list[Row]] = defaultdict(list)
    for some in statements.chunks(sorted(values, key=str)):
        query = select(part.table).where(part.table.c[part.column].in_(some))
        for row in connection.execute(query).mappings():
            told = dict(row)
            if part.subject(told) not in changed:
                found[told[part.column]].append(told)
    return found


def _connected(values: dict[tuple[int, Unit], set[Any]]) -> list[list[tuple[int, Unit]]]:
    """The units in groups that share values or later events."""
    about: dict[Any, list[tuple[int, Unit]]] = defaultdict(list)
    for member, mine in values.items():
        for mark in (*(("value", value) for value in mine), *(("event", index) for index in member[1].later)):
            about[mark].append(member)
    groups: list[list[tuple[int, Unit]]] = []
    seen: set[tuple[int, Unit]] = set()
    for member in values:
        if member in seen:
            continue
        group, waiting = {member}, [member]
        while waiting:
            one = waiting.pop()
            marks = (*(("value", value) for value in values[one]), *(("event", index) for index in one[1].later))
            fresh = {other for mark in marks for other in about[mark]} - group
            group |= fresh
            waiting.extend(fresh)
        seen |= group
        groups.append(sorted(group, key=lambda found: (found[0], sorted(found[1].subjects))))
    return groups
