"""The question that an explanation answers: which cell, read when, over how much of the log.

It stands apart from the finding of events so that both the cell and its recomputation decide by it which rows
fall in the cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.kpi import KpiDefinition, Latest, Open, Return, Rolling
from projections.kpi import reference, timed
from projections.kpi.ends import End, by_period, ends, window
from projections.kpi.measures import CellKey, Figures, cell_figures
from projections.kpi.partials import Partial
from projections.kpi.periods import ALL, is_period, months_of
from projections.kpi.populations import POPULATIONS, Population, Row
from projections.kpi.reference import Place
from projections.kpi.sides import Side, sides


@dataclass(frozen=True, slots=True)
class Question:
    """Which cell is asked about, at which moment, and how far the views have read the log.

    ``places`` are the months whose partials the cell is the sum of (or its period, of what belongs to one as it is),
    and ``member`` the value of the grouping column of its rows; None for any. ``end`` is when rows have to stand
    that have a timing. Of a side in which the cell's group cannot be told, ``nobody`` is set: it has no rows there.
    """

    definition: KpiDefinition
    period: str
    group: str
    as_of_us: int
    zone: str
    upto: int
    places: frozenset[str] | None = field(init=False)
    member: str | None = field(init=False)
    end: End | None = field(init=False)
    nobody: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        months: tuple[str, ...] | None = months_of(self.period)
        if self.period == ALL and self.definition.timing is None:
            months = None
        elif by_period(self.definition):
            months = (self.period,)
        by = self.definition.group_by
        of_group = by is not None and self.group.startswith(f"{by}:")
        end = None
        if self.definition.timing is not None and is_period(self.period):
            end = next(iter(ends({self.period}, None, self.as_of_us, self.zone)), None)
        object.__setattr__(self, "places", None if months is None else frozenset(months))
        object.__setattr__(self, "member", self.group.partition(":")[2] if of_group else None)
        object.__setattr__(self, "end", end)

    def of_sides(self) -> list[tuple[Side, Question]]:
        """The same question of each side of the definition."""
        found = []
        for side in sides(self.definition):
            asked = Question(side.definition, self.period, self.group, self.as_of_us, self.zone, self.upto)
            if self.member is not None:
                object.__setattr__(asked, "member", self.member)
                object.__setattr__(asked, "nobody", side.definition.group_by is None)
            found.append((side, asked))
        return found

    @property
    def judged_us(self) -> int:
        """The moment at which the conditions are read: that of the reading, or the period's end under a timing."""
        return self.as_of_us if self.end is None else self.end.at_us

    @property
    def months(self) -> frozenset[str] | None:
        """The months whose rows are of the cell's period, where rows are of months; None for all."""
        if isinstance(self.definition.measure, Return):
            return None if self.period == ALL else frozenset(months_of(self.period))
        return self.places

    @property
    def population(self) -> Population:
        return POPULATIONS[self.definition.population]

    def holds(self, row: Row) -> bool:
        """Whether a row falls in the cell's period and group: of its months, or standing at its end.

        Of rows of which only the latest stands, whether it is in the window in which one is looked for.
        """
        month, group = reference.place_of(self.definition, row)
        if self.nobody or (self.member is not None and group != self.member):
            return False
        match self.definition.timing:
            case None:
                return self.months is None or month in self.months
            case Open() as timing:
                return self.end is not None and timed.is_open(timing, row, self.end)
            case Rolling() as timing:
                return self.end is not None and timed.is_within(self.definition, timing, row, self.end)
            case Latest() as timing:
                if self.end is None:
                    return False
                first, last = window(timing, self.end.month)
                return first <= month <= last

    def answer(self, partials: Iterable[tuple[Place, Partial]]) -> Figures | None:
        """The cell's figures from partials; None where nothing fell in it."""
        cell: CellKey = (self.period, self.group)
        return cell_figures(self.definition, partials, {self.period}).get(cell)
