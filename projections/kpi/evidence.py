"""Finding what lies behind a cell: its rows, the events that made them, and the figures folded anew from
those events.

Each kind of population has its own way back to events: by subject, by when they were recorded, by when they
happened, or by the plan. Whatever the way, the recomputation folds exactly the events found here, a stretch
at a time, and counts with the reference evaluator.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from contracts.kpi import Split
from contracts.moments import day_text, local_epoch_day
from contracts.ports import NO_TIME, HotColumns, LogReader
from contracts.recorded import Gist, Recorded
from projections import statements
from projections.fold import Fold
from projections.kpi import built, reference
from projections.kpi.anew import Anew
from projections.kpi.counting import Valued
from projections.kpi.definitions import Definitions
from projections.kpi.memory import MemoryStore, without_cycle_collection
from projections.kpi.partials import Partial, merge
from projections.kpi.partners import memberships
from projections.kpi.periods import bounds_us
from projections.kpi.populations import Row, table_of
from projections.kpi.question import Question
from projections.kpi.reference import Place
from projections.kpi.shapes import CountedRow
from projections.kpi.sql import compile_condition
from projections.kpi.stretches import Statements, run_of
from projections.models import MODELS
from projections.tables import METADATA
from projections.tallies import UNDATED_BUCKET, bucket, report_key

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUBJECTS_AT_ONCE = 400

E = TypeVar("E", Gist, Recorded)
Partials = dict[Place, Partial]
Superseded = dict[tuple[str, str, str], str]
"""(source, id, agency) of a superseded event -> the id that superseded it."""


@dataclass(slots=True)
class Found:
    """The events behind a cell, in runs that can be folded apart, and how to count them anew.

    ``log_indexes`` are those of all runs, ascending. ``recompute`` reads exactly the events of the runs.
    """

    runs: list[array[int]] = field(default_factory=list)
    recompute: Callable[[], Partials] = dict

    def log_indexes(self) -> array[int]:
        """Every event's place in the log, ascending."""
        return array("q", sorted(index for run in self.runs for index in run))


class _Sum:
    """Adds up partials of separate rows."""

    def __init__(self) -> None:
        self.partials: Partials = {}

    def add(self, more: Partials) -> None:
        for place, partial in more.items():
            kept = self.partials.get(place)
            self.partials[place] = partial if kept is None else merge((kept, partial))


def superseded(connection: Connection) -> Superseded:
    """Every superseded identity, with what superseded it."""
    table = table_of("superseded")
    rows = connection.execute(select(table.c.source, table.c.event_id, table.c.agency, table.c.by_id))
    return {(source, event_id, agency): by for source, event_id, agency, by in rows}


def superseded_among(connection: Connection, events: Iterable[Recorded]) -> Superseded:
    """Those of some events that are superseded, with what superseded each."""
    table = table_of("superseded")
    ids: dict[str, list[str]] = {}
    for event in events:
        ids.setdefault(event.source, []).append(event.id)
    found: Superseded = {}
    for source, named in ids.items():
        for some in statements.chunks(named):
            query = select(table.c.event_id, table.c.agency, table.c.by_id)
            query = query.where(table.c.source == source, table.c.event_id.in_(some))
            found.update({(source, event_id, agency): by for event_id, agency, by in connection.execute(query)})
    return found


def live(events: Iterable[E], gone: Superseded) -> Iterator[E]:
    """The events that no other supersedes; decisions always are."""
    if not gone:
        return iter(events)
    return (event for event in events if event.kind == "decision" or (event.source, event.id, event.agency) not in gone)


def counted_row(question: Question, row: Row) -> CountedRow | None:
    """How a row counts in a cell; None where it is out of scope."""
    verdict = reference.judge(question.definition, row, question.as_of_us)
    if verdict is None:
        return None
    split = isinstance(question.definition.measure, Split)
    role = verdict.counts[0] if split and verdict.counts else verdict.role
    population = question.population
    return CountedRow(population.key(row), population.subject(row), role, verdict.excluded)


def rows_behind(
    question: Question,
    connection: Connection,
    definitions: Definitions,
    valued: Valued,
    offset: int,
    limit: int,
) -> tuple[list[CountedRow], int]:
    """One page of the rows that fall in a cell, in the order of their keys, and how many there are."""
    if not question.population.built:
        table = table_of(question.population.name)
        query = _inside(question, select(table)).order_by(*table.primary_key.columns).offset(offset).limit(limit)
        page: list[Row] = [dict(row) for row in connection.execute(query).mappings()]
        total = connection.scalar(_inside(question, select(func.count()).select_from(table))) or 0
    else:
        rows = built_rows(question, connection, definitions, valued)
        in_scope = [row for row in rows if reference.judge(question.definition, row, question.as_of_us)]
        page, total = in_scope[offset : offset + limit], len(in_scope)
    return [counted for row in page if (counted := counted_row(question, row))], total


def find(
    question: Question, connection: Connection, reader: LogReader, definitions: Definitions, valued: Valued
) -> Found:
    """The events behind a cell. Reads no event bodies for a population whose events are many."""
    match question.population.events:
        case "subject":
            return _by_subject(question, connection, reader)
        case "recorded":
            return _by_recording(question, reader)
        case "happened":
            return _by_happening(question, connection, reader, definitions, valued)
        case "plan":
            return _by_plan(question, connection, reader, valued)


def built_rows(question: Question, connection: Connection, definitions: Definitions, valued: Valued) -> list[Row]:
    """The rows of a built population that fall in a cell's period and group, in scope or not."""
    if question.population.events == "happened":
        made = built.expected_reports(connection, question.as_of_us, question.zone, question.places)
    else:
        partners = memberships(connection)
        made = built.kpi_status(definitions, valued, partners, question.as_of_us, question.zone)
    return [row for row in made.rows if question.holds(row)]


def _inside(question: Question, query: Select[Any]) -> Select[Any]:
    """The rows of a table that fall in the cell and are in scope."""
    definition = question.definition
    table = table_of(question.population.name)
    places = question.places
    if places is not None:
        query = query.where(table.c[definition.period.on].in_(sorted(places)))
    if question.member is not None and definition.group_by is not None:
        query = query.where(table.c[definition.group_by] == question.member)
    if definition.scope is not None:
        query = query.where(compile_condition(definition.scope, table, question.as_of_us))
    return query


def _by_subject(question: Question, connection: Connection, reader: LogReader) -> Found:
    population = question.population
    column = table_of(population.name).c[population.subject_column]
    query = _inside(question, select(column)).order_by(column).distinct()
    found = Found()
    # Rows of different subjects are independent, so a run holds every event about some of them.
    for part in connection.execute(query).scalars().partitions(SUBJECTS_AT_ONCE):
        subjects = [population.subject({column.name: value}) for value in part]
        found.runs.append(array("q", reader.about(subjects, question.upto)))

    def recompute() -> Partials:
        gone = superseded(connection)
        anew = Anew(population.name, question.zone, _columns_read(question))
        total = _Sum()
        with without_cycle_collection():
            for run in found.runs:
                total.add(_count(question, anew.rows(live(reader.gists(run), gone))))
        return total.partials

    found.recompute = recompute
    return found


def _columns_read(question: Question) -> set[str]:
    """The columns of the table that the definition may look at: every one it names anywhere."""
    table = table_of(question.population.name)
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


def _count(question: Question, rows: Iterable[Row]) -> Partials:
    inside = (row for row in rows if question.holds(row))
    return reference.partials(question.definition, inside, question.as_of_us)


def _by_recording(question: Question, reader: LogReader) -> Found:
    """Statements by the month in which they were recorded, superseded or not: each was entered."""
    import numpy as np

    stated = Statements(reader)
    ends = bounds_us(question.period, question.zone)
    # The log is in the order of recording, so a period is one stretch of it.
    after = 0 if ends is None else min(question.upto, reader.upto_moment(ends[0] - 1))
    upto = question.upto if ends is None else min(question.upto, reader.upto_moment(ends[1] - 1))
    speaker = None if question.member is None else stated.number.get(question.member, -1)

    def choose(hot: HotColumns) -> npt.NDArray[np.bool_]:
        return np.full(len(hot.log_index), True) if speaker is None else hot.agency_id == speaker

    found = Found([run_of(hot, chosen) for hot, chosen in stated.stretches(after, upto, choose)])

    def recompute() -> Partials:
        entries: dict[tuple[int, int, int | None], int] = {}
        for hot, chosen in stated.stretches(after, upto, choose):
            columns = (hot.agency_id, hot.recorded_at_us, hot.time_us)
            for agency, at, time in zip(*(column[chosen].tolist() for column in columns), strict=True):
                happened = None if time == NO_TIME else local_epoch_day(time, question.zone)
                key = (agency, local_epoch_day(at, question.zone), happened)
                entries[key] = entries.get(key, 0) + 1
        rows: list[Row] = []
        for (agency, entered, happened), n in entries.items():
            late = UNDATED_BUCKET if happened is None else bucket(entered - happened)
            rows.append({"agency": stated.names[agency], "month": day_text(entered)[:7], "bucket": late, "n": n})
        return _count(question, rows)

    found.recompute = recompute
    return found


def _by_happening(
    question: Question, connection: Connection, reader: LogReader, definitions: Definitions, valued: Valued
) -> Found:
    """The expectations and what arrived about the days they cover; a superseded report had arrived all the
    same."""
    import numpy as np

    rows = [
        row
        for row in built_rows(question, connection, definitions, valued)
        if reference.judge(question.definition, row, question.as_of_us)
    ]
    subjects = sorted(
        {f"feed/{row['agency']}/{row['feed']}" for row in rows} | {f"agency/{row['agency']}" for row in rows}
    )
    standing = array("q", reader.about(subjects, question.upto))
    stated = Statements(reader)
    spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in rows:
        spans.setdefault((row["agency"], row["feed"]), []).append(built.ends_us(row, question.zone))

    def choose(hot: HotColumns) -> npt.NDArray[np.bool_]:
        chosen = np.zeros(len(hot.log_index), dtype=bool)
        for (agency, family), whens in spans.items():
            spoken = np.isin(hot.type_id, stated.types(family)) & (hot.agency_id == stated.number.get(agency, -1))
            within = np.zeros(len(hot.log_index), dtype=bool)
            for first, last in whens:
                within |= (hot.time_us >= first) & (hot.time_us < last)
            chosen |= spoken & within & (hot.time_us != NO_TIME)
        return chosen

    arrived = [run_of(hot, chosen) for hot, chosen in stated.stretches(0, question.upto, choose)]
    known = set(standing)
    found = Found([standing, *(array("q", (i for i in run if i not in known)) for run in arrived)])

    def recompute() -> Partials:
        first: dict[tuple[int, str, int], int] = {}
        for hot, chosen in stated.stretches(0, question.upto, choose):
            columns = (hot.agency_id, hot.type_id, hot.recorded_at_us, hot.time_us)
            for agency, kind, at, time in zip(*(column[chosen].tolist() for column in columns), strict=True):
                key = (agency, stated.families[kind], local_epoch_day(time, question.zone))
                first[key] = min(at, first.get(key, at))
        reports = []
        for (number, family, on), at in first.items():
            agency, day = stated.names[number], day_text(on)
            reports.append((report_key(agency, family, day), agency, family, day, at, day[:7]))
        with MemoryStore() as store, store.write() as memory:
            METADATA.create_all(memory)
            Fold(MODELS, question.zone).fold(memory, live(reader.at(standing), superseded(connection)))
            statements.write_rows(memory, statements.insert(table_of("reports")), reports)
            made = built.expected_reports(memory, question.as_of_us, question.zone, question.places)
        return _count(question, made.rows)

    found.recompute = recompute
    return found


def _by_plan(question: Question, connection: Connection, reader: LogReader, valued: Valued) -> Found:
    """The plan's decisions and the partners' comings and goings; the KPIs' own values are cells of their
    own."""
    plans, agencies = table_of("plans"), table_of("agencies")
    subjects = [f"plan/{plan}" for (plan,) in connection.execute(select(plans.c.plan))]
    subjects += [f"agency/{agency}" for (agency,) in connection.execute(select(agencies.c.agency))]
    standing = array("q", reader.about(sorted(subjects), question.upto))

    def recompute() -> Partials:
        with MemoryStore() as store, store.write() as memory:
            METADATA.create_all(memory)
            Fold(MODELS, question.zone).fold(memory, live(reader.at(standing), superseded(connection)))
            definitions = Definitions.load(memory)
            partners = memberships(memory)
            made = built.kpi_status(definitions, valued, partners, question.as_of_us, question.zone)
        return _count(question, made.rows)

    return Found([standing], recompute)
