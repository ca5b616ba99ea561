"""The form every decider has: ``initial_state() -> state``, ``decide(state, fact) -> facts``, ``evolve(state,
fact) -> state``.

It is here so that the rules of governance are plain functions over plain values, tested as given / when /
then; the library's aggregates around them only load, count versions and store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from contracts.faults import Problem

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Fact:
    """A decision: its catalogue name (``goal.set``) and its payload at the current version."""

    type: str
    data: dict[str, Any]


DefinitionChecker = Callable[[dict[str, Any]], Problem | None]
"""Says why a KPI definition that kept its contract cannot be evaluated, or None; must not raise."""


class Decider(Protocol[State]):
    """The rules of one kind of aggregate. Pure: no clock, no store, no change to what is handed in."""

    def initial_state(self) -> State:
        """What is so before anything was decided."""
        ...

    def decide(self, state: State, fact: Fact) -> Sequence[Fact]:
        """What is decided when ``fact`` is put forward. Raises the Fault of the rule that refuses."""
        ...

    def evolve(self, state: State, fact: Fact) -> State:
        """What is so after ``fact``. Never refuses: what is recorded has happened."""
        ...
