"""The events behind a cell, as they are found and folded again: runs of the log, without what was superseded.

Here because every kind of population has its own way back to events, and all of them end in this.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.recorded import Gist, Recorded
from projections import statements
from projections.kpi.evaluation import side_partials
from projections.kpi.partials import Partial, merge
from projections.kpi.populations import Row, table_of
from projections.kpi.question import Question
from projections.kpi.reference import Place

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
        """Every event's place in the log, ascending, each once."""
        return array("q", sorted({index for run in self.runs for index in run}))


class Summed:
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


def count(question: Question, rows: Iterable[Row]) -> Partials:
    """What some rows come to in a cell of one side, by the reference evaluator."""
    definition = question.definition
    inside = rows if definition.measure.kind == "return" else [row for row in rows if question.holds(row)]
    return side_partials(definition, inside, question.as_of_us, question.zone, question.places)
