"""Two versions of one KPI over the same period, side by side, with the rows that count differently.

Here because a changed definition moves a number that partners hold each other to: how much of a difference comes from
the definition, and which records moved it, has to be listed and not argued about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy.engine import Connection

from contracts.faults import FAULT_CLASSES, fault
from contracts.kpi import KpiDefinition
from contracts.ports import LogReader
from projections.kpi import counting
from projections.kpi.cells import Reading, no_figures, unknown_kpi
from projections.kpi.counting import Valued
from projections.kpi.definitions import Definition, parse
from projections.kpi.evidence import superseded_among
from projections.kpi.explaining import high_water
from projections.kpi.figures import ALL_GROUPS, Figures
from projections.kpi.history import Difference, between
from projections.kpi.measures import parts_of
from projections.kpi.question import Question
from projections.kpi.roles import ABSENT, Place, Placed, Role, adds_up, placed_rows
from projections.kpi.sentence import explanation, sentence
from projections.kpi.shapes import AsOf, ExplainedEvent, number
from projections.kpi.sides import populations_of

ROWS_SHOWN = 50

What = Literal["role", "weight", "value"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two definitions and its cell. ``version`` is None for a definition that nobody has recorded."""

    version: int | None
    definition: KpiDefinition
    figures: Figures

    def to_json(self) -> dict[str, Any]:
        found = self.figures

        def told(value: Any) -> Any:
            return value if value is None or isinstance(value, int) else number(value)

        return {
            "version": self.version,
            "title": self.definition.title,
            "unit": self.definition.unit,
            "sentence": sentence(self.definition),
            "value": told(found.value),
            "numerator": told(found.numerator),
            "denominator": told(found.denominator),
            "excluded": {reason: n for reason, n in found.excluded.items() if n},
            "also": {name: told(value) for name, value in found.also.items()},
            "counts": {name: n for name, n in found.counts.items() if n},
        }


@dataclass(frozen=True, slots=True)
class Move:
    """A kind of move: ``rows`` went from one role to another, which changed numerator and denominator by so much.

    ``what`` is "role", or, where the role stayed, what changed within it: "weight" or "value".
    """

    before: Role
    after: Role
    what: What
    rows: int
    numerator: int
    denominator: int

    @property
    def name(self) -> str:
        """The kind of move as one word, by which its rows can be asked for."""
        told = f"{self.before.name}>{self.after.name}"
        return told if self.what == "role" else f"{told}>{self.what}"

    def to_json(self) -> dict[str, Any]:
        return {
            "move": self.name,
            "from": self.before.to_json(),
            "to": self.after.to_json(),
            "what": self.what,
            "rows": self.rows,
            "numerator": self.numerator,
            "denominator": self.denominator,
        }


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A row that counts differently, and the events about it, superseded ones included.

    ``events`` is empty where a row is not made by the events of one subject.
    """

    population: str
    key: str
    subject: str
    before: Role
    after: Role
    what: str
    events: tuple[ExplainedEvent, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "population": self.population,
            "key": self.key,
            "subject": self.subject,
            "from": self.before.to_json(),
            "to": self.after.to_json(),
            "what": self.what,
            "events": [event.to_json() for event in self.events],
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two definitions of one KPI over one period and group, read at one moment.

    ``dropped`` and ``added`` are the sentences that only the first and only the second definition has. ``rows`` is one
    page (``limit``, ``offset``) of the ``row_count`` rows that moved, of every kind or of the one asked for.
    ``adds_up`` says whether the moves make up the difference of the two cells; None where the measure is no sum over
    rows.
    """

    kpi: str
    period: str
    group: str
    as_of: AsOf
    before: Side
    after: Side
    differences: tuple[Difference, ...]
    dropped: tuple[str, ...]
    added: tuple[str, ...]
    moves: tuple[Move, ...]
    rows: tuple[MovedRow, ...]
    row_count: int
    limit: int
    offset: int
    adds_up: bool | None

    def to_json(self) -> dict[str, Any]:
        return {
            "kpi": self.kpi,
            "period": self.period,
            "group": self.group,
            "as_of": self.as_of.to_json(),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "differences": [difference.to_json() for difference in self.differences],
            "sentences": {"only_before": list(self.dropped), "only_after": list(self.added)},
            "moves": [move.to_json() for move in self.moves],
            "adds_up": self.adds_up,
            "row_count": self.row_count,
            "limit": self.limit,
            "offset": self.offset,
            "rows": [row.to_json() for row in self.rows],
        }


def compare(
    connection: Connection,
    reader: LogReader,
    kpi: str,
    before: int | KpiDefinition,
    after: int | KpiDefinition,
    period: str,
    group: str = ALL_GROUPS,
    *,
    as_of: AsOf,
    zone: str | None = None,
    move: str | None = None,
    limit: int = ROWS_SHOWN,
    offset: int = 0,
) -> Comparison:
    """Two definitions over the same period and group, each a version's number or a definition that is not recorded.

    Both are counted now, from the views as they stand in ``connection``; costs a reading of the rows that fall in
    either cell. ``move`` keeps only the rows of one kind (``Move.name``). Raises RejectedFault ``kpi_unknown``,
    ``group_unknown`` and, for a definition that cannot be computed, ``definition_invalid``.
    """
    reading = Reading(connection, as_of, zone)
    chosen = [_definition(reading, kpi, one) for one in (before, after)]
    upto = high_water(connection)
    needed = any(name == "kpi_status" for one in chosen for name in populations_of(one.body))
    valued = {one.key: reading.valued(one) for one in reading.definitions} if needed else {}
    seats = [_Seat(reading, one, period, group, upto, valued) for one in chosen]
    if group != ALL_GROUPS and not any(seat.known for seat in seats):
        raise fault("group_unknown", f"{kpi} has no group {group!r} in {period}, by neither definition")
    shift = _Shift(move, limit, offset)
    for row, was, now in _paired(
        *(placed_rows(one.question, connection, reading.definitions, valued) for one in seats)
    ):
        shift.see(row, was, now)
    first, second = chosen[0].body, chosen[1].body
    said, says = explanation(first), explanation(second)
    return Comparison(
        kpi=kpi,
        period=period,
        group=group,
        as_of=as_of,
        before=Side(before if isinstance(before, int) else None, first, seats[0].figures),
        after=Side(after if isinstance(after, int) else None, second, seats[1].figures),
        differences=between(first, second),
        dropped=tuple(line for line in said if line not in says),
        added=tuple(line for line in says if line not in said),
        moves=shift.moves(),
        rows=_with_events(shift.page, connection, reader, upto),
        row_count=shift.row_count,
        limit=limit,
        offset=offset,
        adds_up=_adds_up(seats[0], seats[1], shift.moves()),
    )


def _definition(reading: Reading, kpi: str, named: int | KpiDefinition) -> Definition:
    if isinstance(named, KpiDefinition):
        found = parse(named.model_dump_json(by_alias=True))
    else:
        known = reading.definitions.get(kpi, named)
        if known is None:
            raise unknown_kpi(kpi, named)
        found = known
    if found.problem is not None:
        raise FAULT_CLASSES[found.problem.family](found.problem)
    return found


class _Seat:
    """One definition over the period and group: its question, and the cell's figures as they are counted."""

    def __init__(
        self, reading: Reading, definition: Definition, period: str, group: str, upto: int, valued: Valued
    ) -> None:
        body = definition.body
        self.question = Question(body, period, group, reading.as_of.moment_us, reading.zone, upto)
        count = counting.count(
            reading.connection,
            body,
            reading.as_of.moment_us,
            reading.zone,
            months=self.question.places,
            definitions=reading.definitions,
            valued=lambda: valued,
        )
        answer = self.question.answer(count.partials.items())
        self.known = answer is not None or group in parts_of(body)
        self.figures = answer or no_figures(definition)


def _paired(before: Iterator[Placed], after: Iterator[Placed]) -> Iterator[tuple[Placed, Place, Place]]:
    """Every row that stands in either cell, with where it stands in both."""
    left, right = next(before, None), next(after, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left.order < right.order):
            assert left is not None
            yield left, left.place, ABSENT
            left = next(before, None)
        elif left is None or right.order < left.order:
            yield right, ABSENT, right.place
            right = next(after, None)
        else:
            yield left, left.place, right.place
            left, right = next(before, None), next(after, None)


@dataclass(slots=True)
class _Shift:
    """Adds up what moved between two cells, and keeps one page of the rows."""

    only: str | None
    limit: int
    offset: int
    row_count: int = 0
    page: list[MovedRow] = field(default_factory=list)
    _found: dict[tuple[Role, Role, What], list[int]] = field(default_factory=dict)

    def see(self, row: Placed, before: Place, after: Place) -> None:
        what: What
        if before.role != after.role:
            what = "role"
        elif (before.numerator, before.denominator) != (after.numerator, after.denominator):
            what = "weight"
        elif before.measured != after.measured:
            what = "value"
        else:
            return
        sums = self._found.setdefault((before.role, after.role, what), [0, 0, 0])
        sums[0] += 1
        sums[1] += after.numerator - before.numerator
        sums[2] += after.denominator - before.denominator
        if self.only is not None and Move(before.role, after.role, what, 0, 0, 0).name != self.only:
            return
        if self.offset <= self.row_count < self.offset + self.limit:
            self.page.append(MovedRow(row.population.name, row.key, row.subject, before.role, after.role, what))
        self.row_count += 1

    def moves(self) -> tuple[Move, ...]:
        """Every kind of move, that of most rows first."""
        found = [Move(before, after, what, *sums) for (before, after, what), sums in self._found.items()]
        return tuple(sorted(found, key=lambda move: (-move.rows, move.name)))


def _with_events(
    page: Sequence[MovedRow], connection: Connection, reader: LogReader, upto: int
) -> tuple[MovedRow, ...]:
    """The rows of a page, each with the events about its subject in the order of the log."""
    subjects = sorted({row.subject for row in page if row.subject})
    if not subjects:
        return tuple(page)
    events = reader.at(reader.about(subjects, upto))
    gone = superseded_among(connection, events)
    about: dict[str, list[ExplainedEvent]] = {}
    for event in events:
        by = gone.get((event.source, event.id, event.agency), "") if event.kind == "statement" else ""
        about.setdefault(event.subject, []).append(ExplainedEvent(event, by))
    return tuple(replace(row, events=tuple(about.get(row.subject, ()))) for row in page)


def _adds_up(before: _Seat, after: _Seat, moves: Sequence[Move]) -> bool | None:
    """Whether the moves make up the difference of the cells, which were counted apart from them, by SQL."""
    if not (adds_up(before.question) and adds_up(after.question)):
        return None

    def counted(value: object) -> int:
        return value if isinstance(value, int) else 0

    was, now = before.figures, after.figures
    sums = sum(move.denominator for move in moves), sum(move.numerator for move in moves)
    if sums[0] != counted(now.denominator) - counted(was.denominator):
        return False
    # A percentile or a mean has no numerator: against a share, what moved changes the denominator alone.
    apart = was.numerator is None or now.numerator is None
    return apart or sums[1] == counted(now.numerator) - counted(was.numerator)
