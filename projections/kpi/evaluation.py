"""The whole reference evaluator: any definition over rows, whatever its sides and timing.

Populations without a table are counted by it, explanations recompute with it, and it is what the SQL is tested
against. Nothing in it knows a database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from contracts.kpi import KpiDefinition, Return
from projections.kpi import reference, returns, timed
from projections.kpi.partials import Partial
from projections.kpi.populations import Row
from projections.kpi.reference import Place
from projections.kpi.sides import Side, combine, sides

RowsOf = Callable[[Side], Iterable[Row]]
"""The rows of a side's population; what is not in its scope may be among them."""


def evaluate(
    definition: KpiDefinition, rows_of: RowsOf, as_of_us: int, zone: str, wanted: Collection[str] | None = None
) -> dict[Place, Partial]:
    """The partials of a definition at a moment, of all places or of those wanted."""
    counted = (
        (side.role, side_partials(side.definition, rows_of(side), as_of_us, zone, wanted)) for side in sides(definition)
    )
    return combine(definition, counted)


def side_partials(
    definition: KpiDefinition, rows: Iterable[Row], as_of_us: int, zone: str, wanted: Collection[str] | None = None
) -> dict[Place, Partial]:
    """The partials of one side."""
    if definition.timing is not None:
        return timed.partials(definition, rows, as_of_us, zone, wanted)
    if isinstance(definition.measure, Return):
        return returns.partials(definition, rows, as_of_us, wanted)
    found = reference.partials(definition, rows, as_of_us)
    return {place: partial for place, partial in found.items() if wanted is None or place[0] in wanted}
