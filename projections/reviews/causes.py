"""Finding the events that made a number another: each population's own way from a changed cell to its events.

Here because a row found by its subject, a count of what was recorded, a calendar of expected reports and a KPI about
the KPIs each change for different reasons; what counts as responsible is the same for all (``fewest``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.engine import Connection

from contracts.moments import day_text, local_epoch_day
from contracts.ports import NO_TIME, HotColumns, LogReader
from projections.kpi import reference
from projections.kpi.partials import merge
from projections.kpi.populations import Row
from projections.kpi.question import Question
from projections.kpi.stretches import Statements
from projections.reviews.fewest import fewest
from projections.reviews.later import Later
from projections.reviews.rows import Unit, Units
from projections.tallies import UNDATED_BUCKET, bucket

Events = set[int]
"""log_indexes of events recorded after the review."""


@dataclass(slots=True)
class Search:
    """One search through what was recorded after a review, shared by all of its changed numbers."""

    connection: Connection
    reader: LogReader
    later: Later
    zone: str
    _units: dict[str, Units] = field(default_factory=dict)
    _statements: list[Statements] = field(default_factory=list)

    def causes(self, questions: Sequence[Question]) -> list[Events]:
        """For each changed cell of one KPI version the events responsible; the questions are at the review's moment.

        Raises LookupError for a population whose events are found in none of the ways known here.
        """
        if not questions:
            return []
        match questions[0].population.events:
            case "subject":
                return self._by_subject(questions)
            case "recorded":
                return [self._by_recording(question) for question in questions]
            case way:
                raise LookupError(f"nothing is known of events found by {way}")

    def _by_subject(self, questions: Sequence[Question]) -> list[Events]:
        definition = questions[0].definition
        population = questions[0].population
        if population.name not in self._units:
            self._units[population.name] = Units(self.connection, self.reader, self.later, population.name, self.zone)
        units = self._units[population.name]
        months = {place for question in questions for place in question.places or ()}
        found: list[Events] = [set() for _ in questions]
        for unit in units.of(months, definition.period.on):
            every = list(unit.later)
            was, is_now = units.rows(unit, ()), units.rows(unit, every)
            for question, events in zip(questions, found, strict=True):
                if contribution(question, was) != contribution(question, is_now):
                    events |= set(fewest(sorted(every), _outcome(question, units, unit)))
        return found

    def _by_recording(self, question: Question) -> Events:
        """Every statement recorded since then that is in scope: each was entered, and adds to what was counted."""
        import numpy as np

        if not self._statements:
            self._statements.append(Statements(self.reader))
        stated = self._statements[0]
        speaker = None if question.member is None else stated.number.get(question.member, -1)
        found: Events = set()

        def choose(hot: HotColumns) -> np.typing.NDArray[np.bool_]:
            return np.full(len(hot.log_index), True) if speaker is None else hot.agency_id == speaker

        for hot, chosen in stated.stretches(self.later.after, self.later.upto, choose):
            columns = (hot.log_index, hot.agency_id, hot.recorded_at_us, hot.time_us)
            for index, agency, at, time in zip(*(column[chosen].tolist() for column in columns), strict=True):
                entered = local_epoch_day(at, self.zone)
                late = UNDATED_BUCKET if time == NO_TIME else bucket(entered - local_epoch_day(time, self.zone))
                row = {"agency": stated.names[agency], "month": day_text(entered)[:7], "bucket": late, "n": 1}
                if contribution(question, [row]) != contribution(question, []):
                    found.add(index)
        return found


def contribution(question: Question, rows: Iterable[Row]) -> str:
    """What some rows add to a cell, as text that is the same for the same figures. When the newest of them was does
    not count: that dates a number and is no part of it."""
    inside = [row for row in rows if question.holds(row)]
    found = reference.partials(question.definition, inside, question.as_of_us)
    return replace(merge(found.values()), last_us=None).to_text()


def _outcome(question: Question, units: Units, unit: Unit) -> Callable[[Sequence[int]], str]:
    return lambda some: contribution(question, units.rows(unit, some))
