"""Opening a number: the rows it counts, the events behind them, and the same number computed again from
those events.

Law 5 is kept here. The cell is counted from the views by SQL; the recomputation folds the listed events
alone, with the pure fold and the reference evaluator. That the two agree is shown with every explanation,
not assumed.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.faults import FAULTS, Problem, RejectedFault
from contracts.ports import LogReader
from contracts.recorded import Recorded
from projections import dialect
from projections.kpi import counting
from projections.kpi.cells import Reading, chosen
from projections.kpi.counting import Valued
from projections.kpi.evidence import Superseded, find, rows_behind, superseded_among
from projections.kpi.measures import ALL_GROUPS, parts_of
from projections.kpi.opened import Evidence, Opened, reading_key
from projections.kpi.populations import table_of
from projections.kpi.question import Question
from projections.kpi.refresh import GENERATION
from projections.kpi.sentence import sentence
from projections.kpi.shapes import AsOf, ExplainedEvent, Explanation
from projections.kpi.stored import setting
from projections.kpi.tables import prepared

EVENTS_SHOWN = 100


def explain(
    connection: Connection,
    reader: LogReader,
    kpi: str,
    period: str,
    group: str = ALL_GROUPS,
    *,
    as_of: AsOf,
    version: int | None = None,
    zone: str | None = None,
    limit: int = EVENTS_SHOWN,
    offset: int = 0,
    recompute: bool = True,
    at_most: int | None = None,
    opened: Opened | None = None,
) -> Explanation:
    """A cell with one page of its rows and events, and its figures computed anew from all of them.

    Reads the views as they stand in ``connection`` and the log as far as they have read it. Listing costs an
    index of the events behind the cell; computing anew reads them all, in bounded memory. It is left out with
    ``recompute=False``, and where more than ``at_most`` events stand behind the cell. What was found is
    remembered in ``opened``, so that further pages of the same reading cost a page. Raises RejectedFault
    ``kpi_unknown`` and ``group_unknown``.
    """
    reading = Reading(connection, as_of, zone)
    definition = chosen(reading, kpi, version, period)[0]
    question = Question(definition.body, period, group, as_of.moment_us, reading.zone, high_water(connection))
    valued = {one.key: reading.valued(one) for one in reading.definitions}
    # Counted from this very snapshot: the stored cells may be a moment behind the views.
    count = counting.count(
        connection,
        definition.body,
        as_of.moment_us,
        reading.zone,
        months=question.places,
        definitions=reading.definitions,
        valued=lambda: valued,
    )
    figures = question.answer(count.partials.items())
    if figures is None and group not in (ALL_GROUPS, *parts_of(definition.body)):
        spec = FAULTS["group_unknown"]
        detail = f"{kpi} has no group {group!r} in {period}"
        raise RejectedFault(Problem(spec.code, spec.title, detail, hint=spec.hint))
    evidence = _evidence(question, connection, reader, reading, valued, recompute, at_most, opened or Opened())
    again = None
    if recompute and evidence.partials is not None:
        again = reading.cell(definition, period, group, question.answer(evidence.partials.items()))
    rows, row_count = rows_behind(question, connection, reading.definitions, valued, offset, limit)
    shown = reader.at(evidence.log_indexes[offset : offset + limit])
    gone = superseded_among(connection, shown)
    return Explanation(
        cell=reading.cell(definition, period, group, figures),
        definition=definition.body,
        sentence=sentence(definition.body),
        as_of=as_of,
        events=tuple(ExplainedEvent(event, _superseded_by(event, gone)) for event in shown),
        event_count=len(evidence.log_indexes),
        rows=tuple(rows),
        row_count=row_count,
        recomputed=again,
        limit=limit,
        offset=offset,
    )


def _superseded_by(event: Recorded, gone: Superseded) -> str:
    return gone.get((event.source, event.id, event.agency), "") if event.kind == "statement" else ""


def _evidence(
    question: Question,
    connection: Connection,
    reader: LogReader,
    reading: Reading,
    valued: Valued,
    recompute: bool,
    at_most: int | None,
    opened: Opened,
) -> Evidence:
    """What is remembered of the same reading, else what is found now; computed anew where that is asked for."""
    key = reading_key(question, stored_generation(connection))
    kept = opened.get(key)

    def enough(evidence: Evidence) -> bool:
        too_many = at_most is not None and len(evidence.log_indexes) > at_most
        return evidence.partials is not None or not recompute or too_many

    if kept is not None and enough(kept):
        return kept
    found = find(question, connection, reader, reading.definitions, valued)
    evidence = Evidence(found.log_indexes())
    if not enough(evidence):
        evidence = Evidence(evidence.log_indexes, found.recompute())
    opened.keep(key, evidence)
    return evidence


def stored_generation(connection: Connection) -> str:
    """Which store of views it is and how often its cells have changed: with the position it tells one state of the
    views from another, of this store or of one that is read after a rebuild."""
    changed = (setting(connection, GENERATION) if prepared(connection) else None) or ""
    return f"{dialect.of(connection).store_of(connection)} {changed}"


def high_water(connection: Connection) -> int:
    """The last log_index folded into the views."""
    state = table_of("view_state")
    return connection.scalar(select(state.c.value).where(state.c.name == "high_water")) or 0
