"""Finding what lies behind a cell: its rows, the events that made them, and the figures folded anew from
those events.

Each kind of population has its own way back to events: by subject, by when they were recorded, by when they
happened, or by the plan. Whatever the way, the recomputation folds exactly the events found here, in
memory, and counts with the reference evaluator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.catalogue import CATALOGUE
from contracts.kpi import KpiDefinition, Split
from contracts.ports import NO_TIME, LogReader
from contracts.recorded import Recorded
from projections.fold import Fold
from projections.kpi import built, reference
from projections.kpi.counting import Valued
from projections.kpi.definitions import Definitions
from projections.kpi.measures import CellKey, Figures, cell_figures
from projections.kpi.memory import MemoryStore, chunks
from projections.kpi.partials import Partial, merge
from projections.kpi.periods import ALL, bounds_us, months_of
from projections.kpi.populations import POPULATIONS, Population, Row, table_of
from projections.kpi.reference import Place
from projections.kpi.shapes import CountedRow
from projections.models import MODELS
from projections.tables import METADATA
from projections.tallies import tally

SUBJECTS_AT_ONCE = 400
EVENTS_AT_ONCE = 2_000

Superseded = dict[tuple[str, str], str]
"""(source, id) of a superseded event -> the id that superseded it."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which cell is asked about, at which moment, and how far the views have read the log."""

    definition: KpiDefinition
    period: str
    group: str
    as_of_us: int
    zone: str
    upto: int

    @property
    def population(self) -> Population:
        return POPULATIONS[self.definition.population]

    @property
    def places(self) -> set[str] | None:
        """The months (or the reported period) whose rows fall in the cell; None for every row."""
        if self.definition.measure.kind == "value":
            return {self.period}
        return None if self.period == ALL else set(months_of(self.period))

    @property
    def member(self) -> str | None:
        """The value of the grouping column that rows must have; None for every row."""
        by = self.definition.group_by
        if by is not None and self.group.startswith(f"{by}:"):
            return self.group.partition(":")[2]
        return None

    def holds(self, row: Row) -> bool:
        """Whether a row falls in the cell's period and group."""
        month, group = reference.place_of(self.definition, row)
        places = self.places
        return (places is None or month in places) and (self.member is None or group == self.member)

    def answer(self, partials: Iterable[tuple[Place, Partial]]) -> Figures | None:
        """The cell's figures from partials; None where nothing fell in it."""
        cell: CellKey = (self.period, self.group)
        return cell_figures(self.definition, partials, {self.period}).get(cell)


@dataclass(slots=True)
class Found:
    """What lies behind a cell.

    ``rows`` are one page of ``row_count``; ``log_indexes`` every event's, ascending; ``partials`` what the
    recomputation counted.
    """

    rows: list[CountedRow] = field(default_factory=list)
    row_count: int = 0
    log_indexes: list[int] = field(default_factory=list)
    partials: dict[Place, Partial] = field(default_factory=dict)

    def count(self, more: dict[Place, Partial]) -> None:
        """Adds up partials of separate rows."""
        for place, partial in more.items():
            kept = self.partials.get(place)
            self.partials[place] = partial if kept is None else merge((kept, partial))


def superseded(connection: Connection) -> Superseded:
    """Every superseded identity, with what superseded it."""
    table = table_of("superseded")
    rows = connection.execute(select(table.c.source, table.c.event_id, table.c.by_id))
    return {(source, event_id): by for source, event_id, by in rows}


def counted_row(question: Question, row: Row) -> CountedRow | None:
    """How a row counts in a cell; None where it is out of scope."""
    verdict = reference.judge(question.definition, row, question.as_of_us)
    if verdict is None:
        return None
    split = isinstance(question.definition.measure, Split)
    role = verdict.counts[0] if split and verdict.counts else verdict.role
    population = question.population
    return CountedRow(population.key(row), population.subject(row), role, verdict.excluded)


def find(
    question: Question,
    connection: Connection,
    reader: LogReader,
    *,
    rows_from: int,
    rows_upto: int,
    recompute: bool,
    definitions: Definitions,
    valued: Valued,
) -> Found:
    """Rows and events behind a cell, and what counting them anew gives (unless not asked to
    ``recompute``)."""
    found = Found()

    def page(rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            counted = counted_row(question, row)
            if counted is None:
                continue
            if rows_from <= found.row_count < rows_upto:
                found.rows.append(counted)
            found.row_count += 1
            yield row

    match question.population.events:
        case "subject":
            subjects = _subjects(question, page(_table_rows(question, connection)))
            _by_subject(question, connection, reader, subjects, found, recompute)
        case "recorded":
            list(page(_table_rows(question, connection)))
            _by_recording(question, reader, found, recompute)
        case "happened":
            months = question.places
            made = built.expected_reports(connection, question.as_of_us, question.zone, months)
            rows = list(page(row for row in made.rows if question.holds(row)))
            _by_happening(question, connection, reader, rows, found, recompute)
        case "plan":
            withdrawn = built.gone(connection)
            made = built.kpi_status(definitions, valued, withdrawn, question.as_of_us, question.zone)
            list(page(row for row in made.rows if question.holds(row)))
            _by_plan(question, connection, reader, valued, found, recompute)
    return found


def _table_rows(question: Question, connection: Connection) -> Iterator[Row]:
    """The rows of the cell's period and group, streamed in the order of their keys."""
    table = table_of(question.population.name)
    query = select(table).order_by(*table.primary_key.columns)
    places = question.places
    if places is not None:
        query = query.where(table.c[question.definition.period.on].in_(sorted(places)))
    if question.member is not None and question.definition.group_by is not None:
        query = query.where(table.c[question.definition.group_by] == question.member)
    for part in connection.execute(query).mappings().partitions(EVENTS_AT_ONCE):
        for row in part:
            yield dict(row)


def _subjects(question: Question, rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(question.population.subject(row) for row in rows))


def _by_subject(
    question: Question,
    connection: Connection,
    reader: LogReader,
    subjects: list[str],
    found: Found,
    recompute: bool,
) -> None:
    gone = superseded(connection)
    fold = Fold(MODELS, question.zone)
    table = table_of(question.population.name)
    with MemoryStore() as store:
        with store.write() as memory:
            METADATA.create_all(memory)
        for some in chunks(subjects, SUBJECTS_AT_ONCE):
            events = reader.by_subject(list(some), question.upto)
            found.log_indexes.extend(event.log_index for event in events)
            if not recompute:
                continue
            # Rows of different subjects are independent, so they are folded apart and their counts added.
            with store.read() as memory, memory.begin() as transaction:
                fold.fold(memory, live(events, gone))
                rows = [dict(row) for row in memory.execute(select(table)).mappings()]
                transaction.rollback()
            found.count(_count(question, rows))
    found.log_indexes.sort()


def live(events: Iterable[Recorded], gone: Superseded) -> list[Recorded]:
    """The events that no other supersedes; decisions always are."""
    return [event for event in events if event.kind == "decision" or (event.source, event.id) not in gone]


def _count(question: Question, rows: Iterable[Row]) -> dict[Place, Partial]:
    inside = (row for row in rows if question.holds(row))
    return reference.partials(question.definition, inside, question.as_of_us)


def _statement_ids(reader: LogReader) -> tuple[dict[int, str], dict[int, str]]:
    """The reader's name table, and of it the ids of statement types with their family."""
    names = reader.names()
    topics = {entry.topic: entry for entry in CATALOGUE}
    families = {
        number: topics[text].name.partition(".")[0]
        for number, text in names.items()
        if text in topics and topics[text].kind == "statement"
    }
    return names, families


def _by_recording(question: Question, reader: LogReader, found: Found, recompute: bool) -> None:
    """Statements by the month in which they were recorded, superseded or not: each was entered."""
    import numpy as np

    hot = reader.hot_columns(0, question.upto)
    names, families = _statement_ids(reader)
    chosen = np.isin(hot.type_id, list(families))
    ends = bounds_us(question.period, question.zone)
    if ends is not None:
        chosen &= (hot.recorded_at_us >= ends[0]) & (hot.recorded_at_us < ends[1])
    if question.member is not None:
        ids = [number for number, text in names.items() if text == question.member]
        chosen &= np.isin(hot.agency_id, ids)
    found.log_indexes = hot.log_index[chosen].tolist()
    if not recompute:
        return
    with MemoryStore() as store, store.write() as memory:
        METADATA.create_all(memory)
        for start in range(0, len(found.log_indexes), EVENTS_AT_ONCE):
            tally(memory, reader.at(found.log_indexes[start : start + EVENTS_AT_ONCE]), question.zone)
        rows = [dict(row) for row in memory.execute(select(table_of("entries"))).mappings()]
    found.count(_count(question, rows))


def _by_happening(
    question: Question,
    connection: Connection,
    reader: LogReader,
    rows: list[Row],
    found: Found,
    recompute: bool,
) -> None:
    """The expectations and what arrived about the days they cover; a superseded report had arrived all the
    same."""
    import numpy as np

    subjects = sorted(
        {f"feed/{row['agency']}/{row['feed']}" for row in rows} | {f"agency/{row['agency']}" for row in rows}
    )
    standing = list(reader.by_subject(subjects, question.upto)) if subjects else []
    hot = reader.hot_columns(0, question.upto)
    names, families = _statement_ids(reader)
    by_name = {text: number for number, text in names.items()}
    chosen = np.zeros(len(hot.log_index), dtype=bool)
    for agency, family in sorted({(row["agency"], row["feed"]) for row in rows}):
        types = [number for number, name in families.items() if name == family]
        spoken = np.isin(hot.type_id, types) & (hot.agency_id == by_name.get(agency, -1))
        within = np.zeros(len(hot.log_index), dtype=bool)
        for row in rows:
            if (row["agency"], row["feed"]) == (agency, family):
                first, last = built.ends_us(row, question.zone)
                within |= (hot.time_us >= first) & (hot.time_us < last)
        chosen |= spoken & within & (hot.time_us != NO_TIME)
    arrived = hot.log_index[chosen].tolist()
    found.log_indexes = sorted({*arrived, *(event.log_index for event in standing)})
    if not recompute:
        return
    with MemoryStore() as store, store.write() as memory:
        METADATA.create_all(memory)
        Fold(MODELS, question.zone).fold(memory, live(standing, superseded(connection)))
        for start in range(0, len(arrived), EVENTS_AT_ONCE):
            tally(memory, reader.at(arrived[start : start + EVENTS_AT_ONCE]), question.zone)
        made = built.expected_reports(memory, question.as_of_us, question.zone, question.places)
    found.count(_count(question, made.rows))


def _by_plan(
    question: Question,
    connection: Connection,
    reader: LogReader,
    valued: Valued,
    found: Found,
    recompute: bool,
) -> None:
    """The plan's decisions and the partners' comings and goings; the KPIs' own values are cells of their
    own."""
    plans, agencies = table_of("plans"), table_of("agencies")
    subjects = [f"plan/{plan}" for (plan,) in connection.execute(select(plans.c.plan))]
    subjects += [f"agency/{agency}" for (agency,) in connection.execute(select(agencies.c.agency))]
    events = list(reader.by_subject(sorted(subjects), question.upto)) if subjects else []
    found.log_indexes = [event.log_index for event in events]
    if not recompute:
        return
    with MemoryStore() as store, store.write() as memory:
        METADATA.create_all(memory)
        Fold(MODELS, question.zone).fold(memory, live(events, superseded(connection)))
        definitions = Definitions.load(memory)
        gone = built.gone(memory)
        made = built.kpi_status(definitions, valued, gone, question.as_of_us, question.zone)
    found.count(_count(question, made.rows))
