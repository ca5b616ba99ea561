"""The typed columns of the log, a stretch at a time: for numbers that rest on every event there is.

It is here so that such a number is found and counted again in bounded memory, and without reading a body.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from contracts.catalogue import CATALOGUE
from contracts.ports import HotColumns, LogReader

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EVENTS_AT_ONCE = 50_000
"""The stretch of the log whose typed columns are looked at together."""


class Statements:
    """The typed columns of the log's statements, a stretch at a time, with what their ids stand for."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        topics = {entry.topic: entry for entry in CATALOGUE if entry.kind == "statement"}
        self.names = reader.names()
        self.number = {text: number for number, text in self.names.items()}
        self.families = {
            number: topics[text].name.partition(".")[0] for number, text in self.names.items() if text in topics
        }

    def types(self, family: str) -> list[int]:
        """The ids of a family's types."""
        return [number for number, name in self.families.items() if name == family]

    def stretches(
        self, after: int, upto: int, choose: Callable[[HotColumns], npt.NDArray[np.bool_]]
    ) -> Iterator[tuple[HotColumns, npt.NDArray[np.int64]]]:
        """The columns of each stretch, with the positions of the statements that ``choose`` marks."""
        import numpy as np

        kinds = np.array(list(self.families), dtype=np.int64)
        for start in range(after, upto, EVENTS_AT_ONCE):
            hot = self._reader.hot_columns(start, min(upto, start + EVENTS_AT_ONCE))
            yield hot, np.flatnonzero(choose(hot) & np.isin(hot.type_id, kinds))


def run_of(hot: HotColumns, chosen: npt.NDArray[np.int64]) -> array[int]:
    """The log_indexes at some positions of a stretch."""
    run = array("q")
    run.frombytes(hot.log_index[chosen].tobytes())
    return run
