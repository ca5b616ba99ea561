"""Finding the events that made a number another: each population's own way from a changed cell to its events.

Here because a row found by its subject, a count of what was recorded, a calendar of expected reports and a KPI about
the KPIs each change for different reasons; what counts as responsible is the same for all (``fewest``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.moments import day_text, local_epoch_day
from contracts.ports import NO_TIME, HotColumns, LogReader
from projections.kpi import counting, found
from projections.kpi.definitions import Definitions
from projections.kpi.evidence_subjects import independent
from projections.kpi.inside import needed
from projections.kpi.joined import source
from projections.kpi.partials import Partial, merge
from projections.kpi.populations import POPULATIONS, Row, table_of
from projections.kpi.question import Question
from projections.kpi.stretches import Statements
from projections.reviews.clusters import Part, cluster_causes, link
from projections.reviews.fewest import fewest
from projections.reviews.later import Later
from projections.reviews.rows import Unit, Units
from projections.reviews.scratch import Scratch
from projections.tables import METADATA
from projections.tallies import UNDATED_BUCKET, bucket

Events = set[int]
"""log_indexes of events recorded after the review."""

BUILT_FROM = {
    "trained_staff": (("trainings", "agencies"), ("training/", "agency/")),
    "obligations": (("commitments", "obligations", "agreements"), ("commitment/", "agreement/")),
}
"""What the rows of a built population follow from: tables, and the subjects their events are about."""


@dataclass(slots=True)
class Search:
    """One search through what was recorded after a review, shared by all of its changed numbers."""

    connection: Connection
    reader: LogReader
    later: Later
    zone: str
    definitions: Definitions
    _units: dict[str, Units] = field(default_factory=dict)
    _statements: list[Statements] = field(default_factory=list)

    def causes(self, question: Question) -> Events:
        """The events responsible for a changed cell; the question is at the review's moment.

        Of a ratio they are those of every side. Raises LookupError for a population whose events are found in none of
        the ways known here.
        """
        events: Events = set()
        for _, asked in question.of_sides():
            if not asked.nobody:
                events |= self._of_side(asked)
        return events

    def _of_side(self, question: Question) -> Events:
        population = question.population
        match population.events:
            case "subject" if independent(question) and not population.table:
                return self._by_subject(question)
            case "subject":
                return self._by_related_subjects(question)
            case "recorded":
                return self._by_recording(question)
            case "happened":
                from projections.reviews.reports import report_causes

                return report_causes(self, question)
            case _ if population.name in BUILT_FROM:
                tables, prefixes = BUILT_FROM[population.name]
                touched = {s for s in (*self.later.subjects, *self.later.touching()) if s.startswith(prefixes)}
                scratch = Scratch(
                    self.connection,
                    self.reader,
                    self.later,
                    self.zone,
                    {METADATA.tables[name]: None for name in tables},
                    touched,
                )
                return self._in_scratch(question, scratch)
            case way:
                raise LookupError(f"nothing is known of events found by {way}")

    def units(self, population: str) -> Units:
        """The units of a population with a table, made once."""
        if population not in self._units:
            self._units[population] = Units(self.connection, self.reader, self.later, population, self.zone)
        return self._units[population]

    def stated(self) -> Statements:
        """The log's statements as typed columns, made once."""
        if not self._statements:
            self._statements.append(Statements(self.reader))
        return self._statements[0]

    def _by_subject(self, question: Question) -> Events:
        units = self.units(question.population.name)
        events: Events = set()
        for unit in units.of(self._present(question)):
            every = sorted(unit.later)
            if contribution(question, units.rows(unit, ())) != contribution(question, units.rows(unit, every)):
                events |= set(fewest(every, lambda some, unit=unit: contribution(question, units.rows(unit, some))))  # type: ignore[misc]
        return events

    def _present(self, question: Question) -> set[str]:
        """The subjects whose rows decide the cell now."""
        population = question.population
        column = source(population).c[population.subject_column]
        query = select(column).where(needed(question)).distinct()
        return {population.subject({population.subject_column: v}) for v in self.connection.execute(query).scalars()}

    def _by_related_subjects(self, question: Question) -> Events:
        """Rows that count together with others: of one person, of one thing said anew, a referral with services."""
        population = question.population
        name = population.table or population.name
        own = Part(self.units(name), table_of(name), link(question), POPULATIONS[name].subject)
        own.changed = self._changed(own.units, self._present(question))
        parts = [own]
        if population.table:
            served = Part(self.units("services"), table_of("services"), "referral", POPULATIONS["services"].subject)
            served.changed = self._changed(served.units, {f"delivery/{d}" for d in self._deliveries(question)})
            parts.append(served)
        return cluster_causes(self.connection, question, parts, contribution)

    def _deliveries(self, question: Question) -> list[str]:
        """The services of referrals whose rows decide the cell now."""
        services, referrals = table_of("services"), table_of("referrals")
        asked = select(referrals.c.referral).where(referrals.c.month.in_(sorted(question.months or ())))
        query = select(services.c.delivery).where(services.c.referral.in_(asked))
        return list(self.connection.execute(query).scalars())

    def _changed(self, units: Units, present: set[str]) -> list[Unit]:
        """The units whose rows are others now."""
        return [unit for unit in units.of(present) if units.rows(unit, ()) != units.rows(unit, sorted(unit.later))]

    def _in_scratch(self, question: Question, scratch: Scratch) -> Events:
        def outcome(some: Sequence[int]) -> str:
            with scratch.writing() as memory:
                scratch.told(memory, some)
                return self.counted(memory, question)

        try:
            return set(fewest(sorted(scratch.later), outcome))
        finally:
            scratch.close()

    def counted(self, memory: Connection, question: Question) -> str:
        """What a cell of one side counts over some tables, as text."""
        count = counting.count(
            memory,
            question.definition,
            question.as_of_us,
            self.zone,
            months=question.places,
            definitions=self.definitions,
            valued=dict,
        )
        return as_text(
            partial
            for (place, member), partial in count.partials.items()
            if (question.places is None or place in question.places) and question.member in (None, member)
        )

    def _by_recording(self, question: Question) -> Events:
        """Every statement recorded since then that is in scope: each was entered, and adds to what was counted."""
        import numpy as np

        stated = self.stated()
        speaker = None if question.member is None else stated.number.get(question.member, -1)
        events: Events = set()

        def choose(hot: HotColumns) -> np.typing.NDArray[np.bool_]:
            return np.full(len(hot.log_index), True) if speaker is None else hot.agency_id == speaker

        for hot, chosen in stated.stretches(self.later.after, self.later.upto, choose):
            columns = (hot.log_index, hot.agency_id, hot.recorded_at_us, hot.time_us)
            for index, agency, at, time in zip(*(column[chosen].tolist() for column in columns), strict=True):
                entered = local_epoch_day(at, self.zone)
                late = UNDATED_BUCKET if time == NO_TIME else bucket(entered - local_epoch_day(time, self.zone))
                row = {"agency": stated.names[agency], "month": day_text(entered)[:7], "bucket": late, "n": 1}
                if contribution(question, [row]) != contribution(question, []):
                    events.add(index)
        return events


def contribution(question: Question, rows: Iterable[Row]) -> str:
    """What some rows add to a cell of one side, as text that is the same for the same figures."""
    counted = found.count(question, rows)
    # The rows of a return are counted whosever group they are of: a person's next row may be another agency's.
    return as_text(partial for (_, member), partial in counted.items() if question.member in (None, member))


def as_text(partials: Iterable[Partial]) -> str:
    """Partials added up, as text. When the newest row was does not count: that dates a number and is no part of it."""
    return replace(merge(partials), last_us=None).to_text()
