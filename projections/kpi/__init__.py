"""KPIs: definitions as data, cells kept current, the scorecard, and explanations down to the events.

Here because numbers that partners hold each other to are what the ledger is for; everything else in the
room prepares the rows that are counted.
"""

from typing import TYPE_CHECKING, Any

from projections.kpi.cells import cells
from projections.kpi.check import check_definition
from projections.kpi.definitions import Definition, Definitions
from projections.kpi.refresh import refresh
from projections.kpi.scorecard import kpi_line, scorecard
from projections.kpi.sentence import explanation, sentence
from projections.kpi.shapes import AsOf, Cell, Explanation, KpiLine, Scorecard

if TYPE_CHECKING:
    from projections.kpi.asof import as_of_store
    from projections.kpi.explaining import explain


def __getattr__(name: str) -> Any:
    """Explaining and reading the past fold events and need numpy; serving a scorecard does not."""
    if name == "explain":
        from projections.kpi.explaining import explain

        return explain
    if name == "as_of_store":
        from projections.kpi.asof import as_of_store

        return as_of_store
    raise AttributeError(name)


__all__ = [
    "AsOf",
    "Cell",
    "Definition",
    "Definitions",
    "Explanation",
    "KpiLine",
    "Scorecard",
    "as_of_store",
    "cells",
    "check_definition",
    "explain",
    "explanation",
    "kpi_line",
    "refresh",
    "scorecard",
    "sentence",
]
