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
from projections.kpi import counting
from projections.kpi.cells import Reading, chosen
from projections.kpi.evidence import Question, find, superseded
from projections.kpi.measures import ALL_GROUPS, parts_of
from projections.kpi.populations import table_of
from projections.kpi.sentence import sentence
from projections.kpi.shapes import AsOf, ExplainedEvent, Explanation

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
) -> Explanation:
    """A cell with one page of its rows and events, and its figures computed anew from all of them.

    Reads the views as they stand in ``connection`` and the log as far as they have read it. Its cost grows
    with the events behind the cell; ``recompute=False`` only lists them. Raises RejectedFault
    ``kpi_unknown``.
    """
    reading = Reading(connection, as_of, zone)
    definition = chosen(reading, kpi, version)[0]
    question = Question(definition.body, period, group, as_of.moment_us, reading.zone, high_water(connection))
    valued = {one.key: reading.valued(one) for one in reading.definitions}
    if definition.problem is not None:
        cell = reading.cell(definition, period, group, None)
        return Explanation(cell, definition.body, sentence(definition.body), as_of, (), 0, (), 0, cell, limit, offset)
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
    cell = reading.cell(definition, period, group, figures)
    found = find(
        question,
        connection,
        reader,
        rows_from=offset,
        rows_upto=offset + limit,
        recompute=recompute,
        definitions=reading.definitions,
        valued=valued,
    )
    recomputed = reading.cell(definition, period, group, question.answer(found.partials.items())) if recompute else None
    shown = reader.at(found.log_indexes[offset : offset + limit])
    gone = superseded(connection)
    return Explanation(
        cell=cell,
        definition=definition.body,
        sentence=sentence(definition.body),
        as_of=as_of,
        events=tuple(
            ExplainedEvent(event, gone.get((event.source, event.id), "") if event.kind == "statement" else "")
            for event in shown
        ),
        event_count=len(found.log_indexes),
        rows=tuple(found.rows),
        row_count=found.row_count,
        recomputed=recomputed,
        limit=limit,
        offset=offset,
    )


def high_water(connection: Connection) -> int:
    """The last log_index folded into the views."""
    state = table_of("view_state")
    return connection.scalar(select(state.c.value).where(state.c.name == "high_water")) or 0
