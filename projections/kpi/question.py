"""The question that an explanation answers: which cell, read when, over how much of the log.

It stands apart from the finding of events so that both the cell and its recomputation decide by it which rows
fall in the cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.kpi import KpiDefinition
from projections.kpi import reference
from projections.kpi.measures import CellKey, Figures, cell_figures
from projections.kpi.partials import Partial
from projections.kpi.periods import ALL, months_of
from projections.kpi.populations import POPULATIONS, Population, Row
from projections.kpi.reference import Place


@dataclass(frozen=True, slots=True)
class Question:
    """Which cell is asked about, at which moment, and how far the views have read the log."""

    definition: KpiDefinition
    period: str
    group: str
    as_of_us: int
    zone: str
    upto: int

    @property
    def population(self) -> Population:
        return POPULATIONS[self.definition.population]

    @property
    def places(self) -> set[str] | None:
        """The months (or the reported period) whose rows fall in the cell; None for every row."""
        if self.definition.measure.kind == "value":
            return {self.period}
        return None if self.period == ALL else set(months_of(self.period))

    @property
    def member(self) -> str | None:
        """The value of the grouping column that rows must have; None for every row."""
        by = self.definition.group_by
        if by is not None and self.group.startswith(f"{by}:"):
            return self.group.partition(":")[2]
        return None

    def holds(self, row: Row) -> bool:
        """Whether a row falls in the cell's period and group."""
        month, group = reference.place_of(self.definition, row)
        places = self.places
        return (places is None or month in places) and (self.member is None or group == self.member)

    def answer(self, partials: Iterable[tuple[Place, Partial]]) -> Figures | None:
        """The cell's figures from partials; None where nothing fell in it."""
        cell: CellKey = (self.period, self.group)
        return cell_figures(self.definition, partials, {self.period}).get(cell)
