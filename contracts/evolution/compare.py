"""Whether a changed contract still serves those who send by the old one and those who read by it.

Here because both must go on working on days that differ: an agency sends by yesterday's schema to today's ledger
(*backward*: whatever the old schema admits, the new one admits), and a partner reads today's events with yesterday's
program, passing over fields it does not know (*forward*: whatever the new schema admits is, without the fields new to
the reader, admitted by the old one). Both against every released state is full transitive compatibility, in the words
of the Confluent Schema Registry.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contracts.evolution.inclusion import Beyond, Inclusion, without_unknown
from contracts.evolution.instances import Schema
from contracts.oracle import oracle

Direction = Literal["backward", "forward"]


@dataclass(frozen=True, slots=True)
class Break:
    """One way in which a change breaks somebody.

    ``direction`` tells whom: ``backward`` those who send by the old contract, ``forward`` those who read by it.
    ``counter_example`` is a payload that the one side takes and the other refuses, found so by the JSON Schema
    validator; None where none could be made, which refuses the change as well.
    """

    direction: Direction
    pointer: str
    reason: str
    counter_example: Any = None

    def to_json(self) -> dict[str, Any]:
        return {
            "direction": self.direction,
            "pointer": self.pointer,
            "reason": self.reason,
            "counter_example": self.counter_example,
        }


def breaks(
    old: Schema, new: Schema, *, old_examples: Sequence[Any] = (), new_examples: Sequence[Any] = ()
) -> list[Break]:
    """Every break found between two payload schemas; empty where the change is fully compatible.

    The examples are valid payloads of each, around which counter-examples are built: the first that serves is shown.
    """
    unique: dict[tuple[str, str, str], Break] = {}
    for broken in (*_backward(old, new, old_examples), *_forward(old, new, new_examples)):
        name = (broken.direction, broken.pointer, broken.reason)
        if name not in unique or unique[name].counter_example is None:
            unique[name] = broken
    return list(unique.values())


def _backward(old: Schema, new: Schema, examples: Sequence[Any]) -> Iterator[Break]:
    sends, takes = oracle(dict(old)), oracle(dict(new))
    for example in examples or (None,):
        for beyond in Inclusion(old, new).beyond(example):
            shows = beyond.shown and sends.is_valid(beyond.instance) and not takes.is_valid(beyond.instance)
            yield _break("backward", beyond, shows)


def _forward(old: Schema, new: Schema, examples: Sequence[Any]) -> Iterator[Break]:
    sends, reads = oracle(dict(new)), oracle(dict(old))
    for example in examples or (None,):
        for beyond in Inclusion(new, old, tolerant=True).beyond(example):
            seen = without_unknown(beyond.instance, old, old) if beyond.shown else None
            shows = beyond.shown and sends.is_valid(beyond.instance) and not reads.is_valid(seen)
            yield _break("forward", beyond, shows)


def _break(direction: Direction, beyond: Beyond, shows: bool) -> Break:
    reason = beyond.reason
    if direction == "forward":
        reason = f"readers of the released contract meet what they do not know: {reason}"
    return Break(direction, beyond.pointer, reason, beyond.instance if shows else None)


def added(old: Schema, new: Schema) -> list[str]:
    """The fields that only the new schema has, as JSON pointers, of the top level."""
    return [f"/{name}" for name in new.get("properties", {}) if name not in old.get("properties", {})]
