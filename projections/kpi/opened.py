"""The last few cells that were opened: which events stand behind each, and what counting them anew gave.

A reader pages through the events of one number. The pages belong to one reading of one state of the ledger, so
what the first page found holds for the others; the key is that reading and that state, never less.
"""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass

from projections.kpi.counting import clock_dependent
from projections.kpi.partials import Partial
from projections.kpi.question import Question
from projections.kpi.reference import Place

EVENTS_KEPT = 2_000_000
"""Events remembered over all cells, at 8 bytes each."""

Key = tuple[str, str, str, str, int, int | None, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """``log_indexes`` of every event behind a cell, ascending; ``partials`` of the recomputation from exactly
    these, None where it was not asked for."""

    log_indexes: array[int]
    partials: dict[Place, Partial] | None = None


class Opened:
    """Remembers evidence by reading. May be used from any thread."""

    def __init__(self, events_kept: int = EVENTS_KEPT) -> None:
        self._events_kept = events_kept
        self._kept: dict[Key, Evidence] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Evidence | None:
        """What is remembered of a reading."""
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found  # last in the line of those to be forgotten
            return found

    def keep(self, key: Key, evidence: Evidence) -> None:
        """Remember, and forget what was longest unused where that is too much."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = evidence
            events = sum(len(one.log_indexes) for one in self._kept.values())
            while events > self._events_kept and self._kept:
                oldest = next(iter(self._kept))
                events -= len(self._kept.pop(oldest).log_indexes)

    def clear(self) -> None:
        """Forget everything: the views were built again."""
        with self._lock:
            self._kept.clear()


def reading_key(question: Question, generation: str) -> Key:
    """What a cell's evidence depends on: the definition, the cell, the position, the views, and the moment where
    the definition looks at the clock."""
    definition = question.definition
    moment = question.as_of_us if clock_dependent(definition) else None
    body = definition.model_dump_json()
    return (body, question.zone, question.period, question.group, question.upto, moment, generation)
