"""Rows as they were and as they are, for the few subjects whose events since a review may have changed a number.

A unit is what must be looked at together: a subject, or several that one later event connects by being about one and
taking away a statement about another. Its rows are folded from the log by the plainest reading of the models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from contracts.ports import LogReader
from contracts.recorded import Gist, Recorded
from projections import statements
from projections.kpi.anew import Anew
from projections.kpi.populations import POPULATIONS, Row, table_of
from projections.reviews.later import Later

SUBJECTS_AT_ONCE = 400


@dataclass(slots=True, eq=False)
class Unit:
    """The events about some subjects: ``earlier`` ones up to the review, ``later`` ones since, by log_index; among the
    later also those about something else that take a statement about these subjects away (as ``Recorded``)."""

    subjects: frozenset[str]
    earlier: list[Gist] = field(default_factory=list)
    later: dict[int, Gist | Recorded] = field(default_factory=dict)
    made: dict[frozenset[int], list[Row]] = field(default_factory=dict)
    """Rows that were made before, by the later events taken."""


class Units:
    """The units of one population whose rows may have changed since a review. Rows have every column."""

    def __init__(self, connection: Connection, reader: LogReader, later: Later, population: str, zone: str) -> None:
        self._connection = connection
        self._reader = reader
        self._later = later
        self._population = POPULATIONS[population]
        table = table_of(population)
        self._anew = Anew(population, zone, set(table.c.keys()))
        self._known: set[str] | None = None
        self._made: dict[frozenset[str], Unit] = {}
        self._touching = later.touching()
        # The population's own way from a row to its subject, asked about a key that is none.
        self._prefix = self._population.subject({self._population.subject_column: ""})
        self._touched = {s for s in (*later.subjects, *self._touching) if s.startswith(self._prefix)}

    def of(self, present: Collection[str]) -> Iterator[Unit]:
        """The units of these subjects (whose rows are in a cell now) and of those that had events by the review, so
        that their rows may have been in it; of both, those that anything was recorded about since."""
        touching = self._touching
        relevant = (set(present) & self._touched) | self.known_before()
        for subjects in _connected(relevant, self._links(touching)):
            if subjects not in self._made:
                self._made[subjects] = self._unit(subjects, touching)
            yield self._made[subjects]

    def rows(self, unit: Unit, with_later: Iterable[int]) -> list[Row]:
        """The unit's rows as its earlier events and these of the later ones make them."""
        taken = frozenset(with_later)
        if taken not in unit.made:
            unit.made[taken] = self._rows(unit, taken)
        return unit.made[taken]

    def _rows(self, unit: Unit, taken: frozenset[int]) -> list[Row]:
        gone = self._later.gone_before | self._later.targets(taken)
        events = [*unit.earlier, *(unit.later[index] for index in sorted(taken))]
        return list(
            self._anew.rows(
                event
                for event in events
                if isinstance(event, Gist)
                and (event.kind == "decision" or (event.source, event.id, event.agency) not in gone)
            )
        )

    def known_before(self) -> set[str]:
        """The subjects that something was recorded about both by the review and since."""
        if self._known is None:
            self._known = set()
            for some in statements.chunks(sorted(self._touched), SUBJECTS_AT_ONCE):
                before = self._reader.about(some, self._later.after)
                self._known |= {gist.subject for gist in self._reader.gists(before)} if len(before) else set()
        return self._known

    def _links(self, touching: dict[str, list[Recorded]]) -> dict[str, set[str]]:
        """Subjects of this population that a later event connects, both ways."""
        links: dict[str, set[str]] = defaultdict(set)
        for subject, events in touching.items():
            for event in events:
                if event.subject != subject and {event.subject[: len(self._prefix)], subject[: len(self._prefix)]} == {
                    self._prefix
                }:
                    links[subject].add(event.subject)
                    links[event.subject].add(subject)
        return links

    def _unit(self, subjects: frozenset[str], touching: dict[str, list[Recorded]]) -> Unit:
        unit = Unit(subjects)
        indexes = self._reader.about(sorted(subjects), self._later.upto)
        for index, gist in zip(indexes, self._reader.gists(indexes), strict=True):
            if index <= self._later.after:
                unit.earlier.append(gist)
            else:
                unit.later[index] = gist
        for subject in subjects:
            for event in touching.get(subject, ()):
                unit.later.setdefault(event.log_index, event)
        return unit


def _connected(relevant: Iterable[str], links: dict[str, set[str]]) -> Iterator[frozenset[str]]:
    """The relevant subjects, each with every one it is connected to."""
    seen: set[str] = set()
    for subject in sorted(relevant):
        if subject in seen:
            continue
        group, waiting = {subject}, [subject]
        while waiting:
            fresh = links.get(waiting.pop(), set()) - group
            group |= fresh
            waiting.extend(fresh)
        seen |= group
        yield frozenset(group)
