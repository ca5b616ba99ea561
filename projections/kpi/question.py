"""The question that an explanation answers: which cell, read when, over how much of the log.

It stands apart from the finding of events so that both the cell and its recomputation decide by it which rows
fall in the cell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.kpi import KpiDefinition
from projections.kpi import reference
from projections.kpi.measures import CellKey, Figures, cell_figures
from projections.kpi.partials import Partial
from projections.kpi.periods import ALL, months_of
from projections.kpi.populations import POPULATIONS, Population, Row
from projections.kpi.reference import Place


@dataclass(frozen=True, slots=True)
class Question:
    """Which cell is asked about, at which moment, and how far the views have read the log.

    ``places`` are the months (or the reported period) whose rows fall in the cell, and ``member`` the value of
    the grouping column that they have; None for any.
    """

    definition: KpiDefinition
    period: str
    group: str
    as_of_us: int
    zone: str
    upto: int
    places: frozenset[str] | None = field(init=False)
    member: str | None = field(init=False)

    def __post_init__(self) -> None:
        reported = self.definition.measure.kind == "value"
        months = (self.period,) if reported else None if self.period == ALL else months_of(self.period)
        by = self.definition.group_by
        of_group = by is not None and self.group.startswith(f"{by}:")
        object.__setattr__(self, "places", None if months is None else frozenset(months))
        object.__setattr__(self, "member", self.group.partition(":")[2] if of_group else None)

    @property
    def population(self) -> Population:
        return POPULATIONS[self.definition.population]

    def holds(self, row: Row) -> bool:
        """Whether a row falls in the cell's period and group."""
        month, group = reference.place_of(self.definition, row)
        return (self.places is None or month in self.places) and (self.member is None or group == self.member)

    def answer(self, partials: Iterable[tuple[Place, Partial]]) -> Figures | None:
        """The cell's figures from partials; None where nothing fell in it."""
        cell: CellKey = (self.period, self.group)
        return cell_figures(self.definition, partials, {self.period}).get(cell)
