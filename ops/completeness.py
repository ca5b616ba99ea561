"""Up to which event what is shown is complete: the watermark, beside the end of the log.

It is here because with several workers a number may already hold an event while an earlier one is still on its way:
only up to the watermark does every number hold every event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.composition import House
    from projections.kpi import AsOf


@dataclass(frozen=True, slots=True)
class Complete:
    """``position``: every event up to there is in every number; ``head``: the last log_index of the reading."""

    position: int
    head: int

    def sentence(self) -> str:
        """For people."""
        return f"complete up to event {self.position:,} of {self.head:,}"

    def to_json(self) -> dict[str, int]:
        return {"position": self.position, "head": self.head}


def complete(house: House, as_of: AsOf) -> Complete:
    """How complete a reading that follows is, at least: ask before reading. A reading of the past always is."""
    if as_of.log_index is not None:
        return Complete(as_of.log_index, as_of.log_index)
    position = house.runner.position()
    return Complete(position, max(position, house.reader.head().log_index))
