"""The events behind populations without a table: what was recorded or expected, the plan, trainings, promises.

Each is found its own way, by when events were recorded or happened or by what a calendar or a plan rests on, and
counted again by building the same rows from exactly these events.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.moments import day_text, local_epoch_day
from contracts.ports import NO_TIME, HotColumns, LogReader
from projections import statements
from projections.fold import Fold
from projections.kpi import built, reference
from projections.kpi.counting import Valued
from projections.kpi.counting import built_rows as rows_of
from projections.kpi.definitions import Definitions
from projections.kpi.found import Found, Partials, count, live, superseded
from projections.kpi.memory import MemoryStore
from projections.kpi.partners import memberships
from projections.kpi.periods import bounds_us
from projections.kpi.populations import Row, table_of
from projections.kpi.question import Question
from projections.kpi.stretches import Statements, run_of
from projections.kpi.trained import trained_staff
from projections.models import MODELS
from projections.tables import METADATA
from projections.tallies import UNDATED_BUCKET, bucket, report_key

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def built_rows(question: Question, connection: Connection, definitions: Definitions, valued: Valued) -> list[Row]:
    """The rows of a built population that fall in a cell's period and group, in scope or not."""
    months = question.months if question.definition.timing is None else None
    made = rows_of(
        connection, question.population, question.as_of_us, question.zone, months, definitions, lambda: valued
    )
    return [row for row in made.rows if question.holds(row)]


def by_recording(question: Question, reader: LogReader) -> Found:
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
        return count(question, rows)

    found.recompute = recompute
    return found


def by_happening(
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
            statements.make_missing(memory, METADATA)
            Fold(MODELS, question.zone).fold(memory, live(reader.at(standing), superseded(connection)))
            statements.write_rows(memory, statements.insert(table_of("reports")), reports)
            made = built.expected_reports(memory, question.as_of_us, question.zone, question.places)
        return count(question, made.rows)

    found.recompute = recompute
    return found


def by_plan(question: Question, connection: Connection, reader: LogReader, valued: Valued) -> Found:
    """The plan's decisions and the partners' comings and goings; the KPIs' own values are cells of their
    own."""
    plans, agencies = table_of("plans"), table_of("agencies")
    subjects = [f"plan/{plan}" for (plan,) in connection.execute(select(plans.c.plan))]
    subjects += [f"agency/{agency}" for (agency,) in connection.execute(select(agencies.c.agency))]
    standing = array("q", reader.about(sorted(subjects), question.upto))

    def recompute() -> Partials:
        with MemoryStore() as store, store.write() as memory:
            statements.make_missing(memory, METADATA)
            Fold(MODELS, question.zone).fold(memory, live(reader.at(standing), superseded(connection)))
            definitions = Definitions.load(memory)
            partners = memberships(memory)
            made = built.kpi_status(definitions, valued, partners, question.as_of_us, question.zone)
        return count(question, made.rows)

    return Found([standing], recompute)


def by_trainings(
    question: Question, connection: Connection, reader: LogReader, definitions: Definitions, valued: Valued
) -> Found:
    """The trainings whose staff fall in the cell, and the agencies that took part, whose sectors make them joint."""
    rows = built_rows(question, connection, definitions, valued)
    kept = [row for row in rows if reference.judge(question.definition, row, question.judged_us)]
    trainings = {row["training"] for row in kept}
    together = [row for row in trained_staff(connection) if row["training"] in trainings]
    subjects = {f"training/{training}" for training in trainings} | {f"agency/{row['agency']}" for row in together}
    standing = array("q", reader.about(sorted(subjects), question.upto))

    def recompute() -> Partials:
        with MemoryStore() as store, store.write() as memory:
            statements.make_missing(memory, METADATA)
            Fold(MODELS, question.zone).fold(memory, live(reader.at(standing), superseded(connection)))
            return count(question, trained_staff(memory))

    return Found([standing], recompute)


def by_agreements(
    question: Question, connection: Connection, reader: LogReader, definitions: Definitions, valued: Valued
) -> Found:
    """The commitments whose obligations fall in the cell, and the agreements that say whether anything is owed."""
    from projections.obligations.counted import counted_rows

    rows = built_rows(question, connection, definitions, valued)
    kept = [row for row in rows if reference.judge(question.definition, row, question.judged_us)]
    subjects = {f"commitment/{row['commitment']}" for row in kept} | {f"agreement/{row['agreement']}" for row in kept}
    standing = array("q", reader.about(sorted(subjects), question.upto))

    def recompute() -> Partials:
        with MemoryStore() as store, store.write() as memory:
            statements.make_missing(memory, METADATA)
            Fold(MODELS, question.zone).fold(memory, live(reader.at(standing), superseded(connection)))
            return count(question, counted_rows(memory, question.zone))

    return Found([standing], recompute)
