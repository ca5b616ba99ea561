"""The log as typed columns for a rebuild: positions, types, moments, who spoke and who is who.

Here so that the rebuild can speak of an event by its position in the run it reads, and so that all it needs
to know of most events comes from columns and not from their bodies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.catalogue import CATALOGUE
from contracts.ports import HotColumns, LogReader
from projections.merges import SEPARATOR, verb_of
from projections.winners import Ints

Objects = npt.NDArray[np.object_]
"""Python values by position; None where there is none."""

Values = Ints | Objects
"""A column of a read model: integers with NO_TIME for NULL, or objects with None for NULL."""

_NOWHERE: Ints = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class TypeCode:
    """One stored topic of the log."""

    topic: str
    name: str
    statement: bool
    current: bool


class Columns:
    """A run of the log from its beginning, with the events of each type and their bodies within reach."""

    def __init__(self, reader: LogReader, hot: HotColumns) -> None:
        self.reader = reader
        self.hot = hot
        self.texts = _by_number(reader.names())
        # A table over the ids instead of a sort: there are few, and this runs over every event.
        present = np.bincount(hot.type_id) > 0
        self.codes: Ints = (np.cumsum(present) - 1)[hot.type_id]
        self.types = [_type_code(self.texts[number]) for number in np.flatnonzero(present).tolist()]
        self.live = np.ones(len(hot.log_index), dtype=bool)
        self._sources = np.full(len(self.texts), None, dtype=object)
        for number in np.flatnonzero(np.bincount(hot.source_id)).tolist():
            self._sources[number] = (self.texts[number] or "") + SEPARATOR

    def __len__(self) -> int:
        return len(self.hot.log_index)

    @property
    def upto(self) -> int:
        """The log_index of the last event of the run."""
        return int(self.hot.log_index[-1]) if len(self) else 0

    def position(self, log_index: int) -> int:
        """Where an event stands in the run; the log is dense."""
        return log_index - int(self.hot.log_index[0])

    def of_types(self, wanted: Iterable[str]) -> Ints:
        """The positions of live events of some types, ascending."""
        are = self._are(wanted)
        # Most families are silent in most logs: what nobody speaks of costs no look at every event.
        return np.flatnonzero(are[self.codes] & self.live) if are.any() else _NOWHERE

    def indexes_of_types(self, wanted: Iterable[str], codes: Ints) -> Ints:
        """Where among some type codes these types stand, ascending."""
        are = self._are(wanted)
        return np.flatnonzero(are[codes]) if are.any() else _NOWHERE

    def statements(self) -> Ints:
        """The positions of all statements, superseded or not."""
        return np.flatnonzero(np.array([code.statement for code in self.types], dtype=bool)[self.codes])

    def _are(self, wanted: Iterable[str]) -> npt.NDArray[np.bool_]:
        """For each type code whether it is one of these types."""
        names = frozenset(wanted)
        return np.array([code.name in names for code in self.types], dtype=bool)

    def bodies(self, positions: Ints) -> Iterator[bytes]:
        """The canonical bytes of the events at some ascending positions, each once."""
        return map(itemgetter(1), self.reader.bodies(self.hot.log_index[positions])) if len(positions) else iter(())

    def agencies(self, positions: Ints) -> Objects:
        """Who spoke."""
        return self.texts[self.hot.agency_id[positions]]

    def verbs(self, codes: Ints) -> Objects:
        """What some type codes say happened."""
        said: Objects = objects((verb_of(code.name) for code in self.types), len(self.types))[codes]
        return said

    def identities(self, positions: Ints) -> Objects:
        """Who is who: as in ``merges.identity``."""
        ids = objects(self.hot.ids.at(positions), len(positions))
        joined: Objects = self._sources[self.hot.source_id[positions]] + ids
        return joined


def objects(values: Iterable[Any], size: int) -> Objects:
    """So many values as an array of them, lists and all."""
    return np.fromiter(values, dtype=object, count=size)


def _by_number(names: dict[int, str]) -> Objects:
    """The name table as an array; None where a number stands for nothing."""
    texts = np.full(max(names, default=0) + 1, None, dtype=object)
    texts[np.fromiter(names, dtype=np.int64, count=len(names))] = objects(names.values(), len(names))
    return texts


def _type_code(topic: str) -> TypeCode:
    entry = CATALOGUE.entry(topic)
    return TypeCode(topic, entry.name, entry.kind == "statement", entry.upcast is None)
