"""The log as typed columns for a rebuild: positions, types, and events decoded on demand.

Here so that the rebuild can speak of an event by its position in the run it reads, and so that decoding
takes only the payload fields that a model fills columns from. An older version of a type is brought up to
date before it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

from contracts.catalogue import CATALOGUE
from contracts.ports import NO_TIME, HotColumns, LogReader
from projections.merges import Model
from projections.winners import Ints

Decoder = Callable[[bytes], Any]
"""Canonical bytes of one event -> an object with ``source``, ``id``, ``supersedes`` and ``data``."""

MARK = b'"supersedes":'
"""What the canonical form of every event that supersedes another contains."""


class Superseding(msgspec.Struct):
    """The part of a body that may name a superseded event, in the envelope or in the data."""

    source: str
    id: str
    supersedes: str | None = None
    data: dict[str, Any] = {}


supersession = msgspec.json.Decoder(Superseding).decode


def attribute(field: str) -> str:
    """The attribute under which a decoded payload field is found; payload names may be Python keywords."""
    return f"f_{field}"


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
        self.names = reader.names()
        # A table over the ids instead of a sort: there are few, and this runs over every event.
        present = np.bincount(hot.type_id) > 0
        self.codes: Ints = (np.cumsum(present) - 1)[hot.type_id]
        self.types = [_type_code(self.names[int(number)]) for number in np.flatnonzero(present)]
        self.live = np.ones(len(hot.log_index), dtype=bool)

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
        return np.flatnonzero(self._are(wanted)[self.codes] & self.live)

    def indexes_of_types(self, wanted: Iterable[str], codes: Ints) -> Ints:
        """Where among some type codes these types stand, ascending."""
        return np.flatnonzero(self._are(wanted)[codes])

    def statements(self) -> Ints:
        """The positions of all statements, superseded or not."""
        return np.flatnonzero(np.array([code.statement for code in self.types], dtype=bool)[self.codes])

    def _are(self, wanted: Iterable[str]) -> npt.NDArray[np.bool_]:
        """For each type code whether it is one of these types."""
        names = frozenset(wanted)
        return np.array([code.name in names for code in self.types], dtype=bool)

    def bodies(self, positions: Ints) -> Iterator[tuple[int, bytes]]:
        """(position, canonical bytes), ascending by position."""
        if len(positions) == 0:
            return
        for log_index, body in self.reader.bodies(self.hot.log_index[positions]):
            yield self.position(log_index), body

    def times(self, positions: Ints) -> list[int | None]:
        """Moments in UTC microseconds, None where unknown."""
        found = self.hot.time_us[positions]
        times: list[int | None] = found.tolist()
        if not (found == NO_TIME).any():
            return times
        return [None if time == NO_TIME else time for time in times]

    def agencies(self, positions: Ints) -> list[str]:
        """Who spoke."""
        names = self.names
        return [names[number] for number in self.hot.agency_id[positions].tolist()]

    def decoders(self, model: Model) -> list[Decoder]:
        """For each type code, what decodes an event for this model."""
        wanted: dict[str, set[str]] = {}
        for slot in model.slots:
            fields = {fill.path[0] for fill in slot.fills if fill.origin == "data"}
            if slot.where is not None:
                fields.add(slot.where.path.partition(".")[0])
            for name in slot.types:
                wanted.setdefault(name, set()).update(fields)
        for collect in model.collects:
            for name in collect.types:
                wanted.setdefault(name, set()).update(collect.fields)
        key_fields = getattr(model.key, "fields", ())
        return [_decoder(code, {*wanted.get(code.name, ()), *key_fields}) for code in self.types]


def _type_code(topic: str) -> TypeCode:
    entry = CATALOGUE.entry(topic)
    return TypeCode(topic, entry.name, entry.kind == "statement", entry.upcast is None)


def _decoder(code: TypeCode, fields: set[str]) -> Decoder:
    """Decodes the named payload fields only, without building the rest."""
    data = msgspec.defstruct(
        "Data", [(attribute(f), Any, None) for f in sorted(fields)], rename={attribute(f): f for f in fields}, gc=False
    )
    event = msgspec.defstruct(
        "Event",
        [("source", str), ("id", str), ("data", data), ("supersedes", str | None, None)],
        gc=False,
    )
    if code.current:
        decode: Decoder = msgspec.json.Decoder(event).decode
        return decode

    def decode_older(body: bytes) -> Any:
        envelope = orjson.loads(body)
        envelope["data"] = CATALOGUE.upcast(code.topic, envelope["data"])
        return msgspec.convert(envelope, event)

    return decode_older
