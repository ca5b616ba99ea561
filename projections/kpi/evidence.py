"""Finding what lies behind a cell: its rows, the events that made them, and the figures folded anew from
those events.

Each side of a definition has rows of one population, and each kind of population its own way back to events.
Whatever the way, the recomputation folds exactly the events found here and counts with the reference evaluator.
"""

from __future__ import annotations

from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from contracts.kpi import Ratio, Return, Split
from contracts.ports import LogReader
from projections.kpi import reference, returns
from projections.kpi.counting import Valued
from projections.kpi.definitions import Definitions
from projections.kpi.evidence_built import built_rows, by_agreements, by_happening, by_plan, by_recording, by_trainings
from projections.kpi.evidence_subjects import by_subject
from projections.kpi.found import Found, Partials, Superseded, superseded_among
from projections.kpi.inside import inside, needed
from projections.kpi.joined import source
from projections.kpi.populations import Row, table_of
from projections.kpi.question import Question
from projections.kpi.shapes import CountedRow
from projections.kpi.sides import combine

OWN_ROWS: Literal["rows"] = "rows"
FURTHER = "further"
"""The role of a row of a return that is not the one by which its person counts."""


def counted_row(question: Question, row: Row, role: str = OWN_ROWS) -> CountedRow | None:
    """How a row counts in a cell of one side; None where it is out of scope.

    ``role`` is the side's; of a ratio's own rows, and of its further ones, it is what they are counted for.
    """
    verdict = reference.judge(question.definition, row, question.judged_us)
    if verdict is None:
        return None
    split = isinstance(question.definition.measure, Split)
    counted = verdict.role if role == OWN_ROWS else role
    counted = "excluded" if verdict.excluded else verdict.counts[0] if split and verdict.counts else counted
    population = question.population
    return CountedRow(population.key(row), population.subject(row), counted, verdict.excluded)


def rows_behind(
    question: Question,
    connection: Connection,
    definitions: Definitions,
    valued: Valued,
    offset: int,
    limit: int,
) -> tuple[list[CountedRow], int]:
    """One page of the rows that fall in a cell, side by side and in the order of their keys, and how many there are."""
    page: list[CountedRow] = []
    total = 0
    ratio = isinstance(question.definition.measure, Ratio)
    for side, asked in question.of_sides():
        rows, of = _page(asked, connection, definitions, valued, max(0, offset - total), limit - len(page))
        total += of
        if isinstance(asked.definition.measure, Return):
            page += _persons(asked, connection, rows)
            continue
        role = ("denominator" if side.role == OWN_ROWS else side.role) if ratio else OWN_ROWS
        page += [counted for row in rows if (counted := counted_row(asked, row, role))]
    return page, total


def _page(
    question: Question, connection: Connection, definitions: Definitions, valued: Valued, offset: int, limit: int
) -> tuple[list[Row], int]:
    population = question.population
    if population.built:
        rows = built_rows(question, connection, definitions, valued)
        in_scope = [row for row in rows if reference.judge(question.definition, row, question.judged_us)]
        return in_scope[offset : offset + limit], len(in_scope)
    table, chosen = source(population), inside(question)
    keys = table_of(population.table or population.name).primary_key.columns
    columns = [column.label(name) for name, column in table.c.items()]
    query = select(*columns).where(chosen).order_by(*keys).offset(offset).limit(limit)
    page: list[Row] = [dict(row) for row in connection.execute(query).mappings()]
    return page, connection.scalar(select(func.count()).select_from(next(iter(keys)).table).where(chosen)) or 0


def _persons(question: Question, connection: Connection, rows: list[Row]) -> list[CountedRow]:
    """How rows of a return count: a person by the first row in the period, and further rows for nothing more."""
    definition, measure = question.definition, question.definition.measure
    assert isinstance(measure, Return)
    table = source(question.population)
    columns = [column.label(name) for name, column in table.c.items()]
    whose = {row[measure.person] for row in rows}
    query = select(*columns).where(needed(question), table.c[measure.person].in_(sorted(whose - {None})))
    known = [dict(row) for row in connection.execute(query).mappings()]
    visits = returns.visits(definition, known, question.as_of_us)
    roles: dict[str, str] = {}
    for place, persons in returns.by_person(visits).items():
        if question.places is None or place in question.places:
            for mine in persons.values():
                stand = returns.stand(measure, mine, measure.days, question.as_of_us)
                roles[mine[0].key] = "excluded" if stand is None else "numerator" if stand else "denominator"
    found = []
    for row in rows:
        counted = counted_row(question, row)
        if counted is not None:
            role = counted.role if counted.reason else roles.get(counted.key, FURTHER)
            reason = counted.reason or (returns.WINDOW_OPEN if role == "excluded" else "")
            found.append(CountedRow(counted.key, counted.subject, role, reason))
    return found


def find(
    question: Question, connection: Connection, reader: LogReader, definitions: Definitions, valued: Valued
) -> Found:
    """The events behind a cell, of all sides. Reads no event bodies for a population whose events are many."""
    parts = [
        (side.role, _of_side(asked, connection, reader, definitions, valued)) for side, asked in question.of_sides()
    ]

    def recompute() -> Partials:
        return combine(question.definition, [(role, part.recompute()) for role, part in parts])

    return Found([run for _, part in parts for run in part.runs], recompute)


def _of_side(
    question: Question, connection: Connection, reader: LogReader, definitions: Definitions, valued: Valued
) -> Found:
    match question.population.events:
        case "subject":
            return by_subject(question, connection, reader)
        case "recorded":
            return by_recording(question, reader)
        case "happened":
            return by_happening(question, connection, reader, definitions, valued)
        case "trainings":
            return by_trainings(question, connection, reader, definitions, valued)
        case "agreements":
            return by_agreements(question, connection, reader, definitions, valued)
        case "plan":
            return by_plan(question, connection, reader, valued)


__all__ = ["Superseded", "built_rows", "counted_row", "find", "rows_behind", "superseded_among"]
