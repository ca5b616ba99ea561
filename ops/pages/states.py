"""How the states of what a section lists are named and marked.

Here so that every section says a state as a word with a shape, in the tones the scorecard's statuses have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StateWords:
    """How a state is named; ``mark`` is the status whose shape and tone it shares, ``meaning`` a phrase after "it"."""

    state: str
    label: str
    mark: str
    meaning: str


def by_state(words: Iterable[StateWords]) -> dict[str, StateWords]:
    """The words of a section's states by state, in their order."""
    return {found.state: found for found in words}
