"""Opens what holds the ledger and the views, as the settings say: the one place that knows which back end is in use.

Here so that everything else is handed a ledger and generations of views, and works alike on each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contracts.faults import Problem
from contracts.ports import Clock, Generations
from domain.ledger import Ledger
from ops.settings import Settings

DefinitionChecker = Callable[[dict[str, Any]], Problem | None]


@dataclass(frozen=True, slots=True)
class Parts:
    """An open ledger and the generations of its views; ``close`` them together."""

    ledger: Ledger
    generations: Generations

    def close(self) -> None:
        """Closes both, the views first: they follow the ledger."""
        self.generations.close()
        self.ledger.close()


def open_parts(
    settings: Settings, clock: Clock, writable: bool, definition_checker: DefinitionChecker | None = None
) -> Parts:
    """Opens ledger and views. Raises the faults ``home_in_use``, ``home_missing`` and ``home_unusable``."""
    from projections.generations.sqlite import SqliteGenerations

    ledger = Ledger.open(settings.home, clock=clock, writable=writable, definition_checker=definition_checker)
    return Parts(ledger, SqliteGenerations(settings.home, clock=clock))
