"""Payloads decoded for a rebuild: of a body only the fields that some model fills a column from.

Here because decoding is most of what an event with a body costs: each body is read once, whichever models
ask, and nothing else in it becomes an object. An older version of a type is brought up to date before it is
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import orjson

from contracts.catalogue import CATALOGUE
from projections.columns import Columns, TypeCode, objects
from projections.merges import Fill, Model, json_text, look_up
from projections.winners import Ints

Decoder = Callable[[bytes], Any]
"""Canonical bytes of one event -> an object with ``data``."""


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


def decoders(types: Iterable[TypeCode], models: Iterable[Model]) -> list[Decoder]:
    """For each type code, what decodes its events for these models."""
    wanted: dict[str, set[str]] = {}
    for model in models:
        for name in model.types:
            wanted.setdefault(name, set()).update(getattr(model.key, "fields", ()))
        for slot in model.slots:
            fields = {fill.path[0] for fill in slot.fills if fill.origin == "data"}
            if slot.where is not None:
                fields.add(slot.where.path.partition(".")[0])
            for name in slot.types:
                wanted[name].update(fields)
        for collect in model.collects:
            for name in collect.types:
                wanted[name].update(collect.fields)
    return [decoder(code, wanted.get(code.name, set())) for code in types]


def decoder(code: TypeCode, fields: set[str]) -> Decoder:
    """Decodes the named payload fields only, without building the rest."""
    data = msgspec.defstruct(
        "Data", [(attribute(f), Any, None) for f in sorted(fields)], rename={attribute(f): f for f in fields}, gc=False
    )
    event = msgspec.defstruct("Event", [("data", data)], gc=False)
    if code.current:
        decode: Decoder = msgspec.json.Decoder(event).decode
        return decode if len(fields) != 1 else _seldom(decode, next(iter(fields)), event(data()))

    def decode_older(body: bytes) -> Any:
        envelope = orjson.loads(body)
        return msgspec.convert({"data": CATALOGUE.upcast(code.topic, envelope["data"])}, event)

    return decode_older


def _seldom(decode: Decoder, field: str, without: Any) -> Decoder:
    """Decodes only the bodies that have the one field that is asked for, however deep; most leave it out."""
    # Canonical bytes have no space before a colon, and escape every quotation mark inside a text.
    name = f'"{field}":'.encode()
    return lambda body: decode(body) if name in body else without


class Payloads:
    """The decoded payloads of some events, by position."""

    def __init__(self, columns: Columns, decoders: Sequence[Decoder], wanted: Sequence[Ints]) -> None:
        """Reads the bodies of the events at the wanted positions, each once."""
        asked = np.zeros(len(columns), dtype=bool)
        for positions in wanted:
            asked[positions] = True
        positions = np.flatnonzero(asked)
        needed = map(decoders.__getitem__, columns.codes[positions].tolist())
        found = [decode(body).data for decode, body in zip(needed, columns.bodies(positions), strict=True)]
        self._data = objects(found, len(found))
        # Not set where nothing was asked: only the pages that are written to are ever real.
        self._places = np.empty(len(columns), dtype=np.int32)
        self._places[positions] = np.arange(len(positions), dtype=np.int32)

    def at(self, positions: Ints) -> list[Any]:
        """The payloads of events, in the order asked; they must have been wanted."""
        found: list[Any] = self._data[self._places[positions]].tolist()
        return found


def reader(path: Sequence[str]) -> Callable[[Any], Any]:
    """Takes the value at a path from a decoded payload."""
    first = attrgetter(attribute(path[0]))
    rest = tuple(path[1:])
    return first if not rest else lambda data: look_up(first(data) or {}, rest)


def values(fill: Fill, payloads: list[Any]) -> list[Any]:
    """What a fill takes from some payloads."""
    found = map(reader(fill.path), payloads)
    return [json_text(value) for value in found] if fill.kind == "json" else list(found)
