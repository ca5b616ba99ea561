"""The events behind rows that are found by their subject: most of what can be counted.

The recomputation makes the rows anew from exactly these events, a stretch at a time where rows are independent of
each other, and counts them with the reference evaluator.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import Latest, Return
from contracts.ports import LogReader
from contracts.recorded import Gist
from projections.kpi.anew import Anew
from projections.kpi.found import Found, Partials, Summed, count, live, superseded
from projections.kpi.inside import needed
from projections.kpi.joined import source, with_first_service
from projections.kpi.memory import without_cycle_collection
from projections.kpi.populations import POPULATIONS, Row, table_of
from projections.kpi.question import Question

SUBJECTS_AT_ONCE = 400


def by_subject(question: Question, connection: Connection, reader: LogReader) -> Found:
    """The events about the subjects of a cell's rows."""
    population = question.population
    table = source(population)
    column = table.c[population.subject_column]
    query = select(column).where(needed(question)).order_by(column).distinct()
    found = Found()
    for part in connection.execute(query).scalars().partitions(SUBJECTS_AT_ONCE):
        subjects = [population.subject({population.subject_column: value}) for value in part]
        if population.table:
            subjects += _services_of(connection, part)
        found.runs.append(array("q", reader.about(subjects, question.upto)))

    def recompute() -> Partials:
        gone = superseded(connection)
        total = Summed()
        with without_cycle_collection():
            if independent(question):
                # A run holds every event about some of the subjects, and no row needs another one.
                for run in found.runs:
                    total.add(count(question, _rows(question, live(reader.gists(run), gone))))
            else:
                rows = (row for run in found.runs for row in _rows(question, live(reader.gists(run), gone)))
                total.add(count(question, list(rows)))
        return total.partials

    found.recompute = recompute
    return found


def independent(question: Question) -> bool:
    """Whether each row counts as it is, whatever the others say."""
    definition = question.definition
    apart = definition.distinct is None and not isinstance(definition.timing, Latest)
    return apart and not isinstance(definition.measure, Return)


def _rows(question: Question, events: Iterable[Gist]) -> Iterator[Row]:
    """The rows that these live events make."""
    population, columns = question.population, _columns_read(question)
    if not population.table:
        return Anew(population.name, question.zone, columns).rows(events)
    known = list(events)
    own = Anew(population.table, question.zone, {*columns, "referral", "requested_at"})
    services = Anew("services", question.zone, {"referral", "delivered_at"})
    prefixed = POPULATIONS["services"].subject({"delivery": ""})
    deliveries = [event for event in known if event.subject.startswith(prefixed)]
    return with_first_service(
        own.rows(event for event in known if not event.subject.startswith(prefixed)), services.rows(deliveries)
    )


def _services_of(connection: Connection, referrals: Iterable[str]) -> list[str]:
    """The subjects of the services delivered for some referrals."""
    services, population = table_of("services"), POPULATIONS["services"]
    query = select(services.c.delivery).where(services.c.referral.in_(list(referrals))).order_by(services.c.delivery)
    return [population.subject({"delivery": delivery}) for delivery in connection.execute(query).scalars()]


def _columns_read(question: Question) -> set[str]:
    """The columns of the table that the definition may look at: every one it names anywhere."""
    table = table_of(question.population.table or question.population.name)
    named = {question.population.time or "", *(column.name for column in table.primary_key)}
    left: list[Any] = [question.definition.model_dump(mode="json")]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
        elif isinstance(part, str):
            named.add(part)
    return named & set(table.c.keys())
