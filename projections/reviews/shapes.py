"""The forms in which restatements are read: which number, old beside new, and the events that made the difference.

They are here, apart from the code that finds them, so that pages, commands and interfaces rely on the shapes alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts.moments import format_us
from contracts.recorded import Recorded

CellName = tuple[str, int, str, str]
"""(KPI, version, period, group)."""

Timing = Literal["late", "since", "undated"]
"""Whether an event recorded after a review had happened by then, happened since, or does not say when."""


@dataclass(frozen=True, slots=True)
class Responsible:
    """An event that was recorded after a review and is among those that changed a number.

    ``timing`` compares when it happened with the review's moment. ``days_late`` are the local days from its happening
    to its recording, None where it does not say when it happened or happened since the review. ``takes_away`` is the
    event that it supersedes, None where it supersedes none.
    """

    event: Recorded
    timing: Timing
    days_late: int | None
    takes_away: Recorded | None = None

    def to_json(self) -> dict[str, Any]:
        event = self.event
        return {
            "log_index": event.log_index,
            "type": event.type,
            "subject": event.subject,
            "agency": event.agency,
            "time": None if event.time_us is None else format_us(event.time_us),
            "recorded_at": format_us(event.recorded_at_us),
            "timing": self.timing,
            "days_late": self.days_late,
            "supersedes": None if self.takes_away is None else self.takes_away.log_index,
            "source": event.source,
            "id": event.id,
        }


@dataclass(frozen=True, slots=True)
class Restatement:
    """A number that was published at a review and is another now, both judged at the review's moment.

    ``old`` and ``new`` are its figures (``frozen.FIGURES``). ``events`` are exactly those responsible: without them
    the number is the old one again, and each of them is needed for the difference; ascending by log_index.
    ``kpis`` names other KPIs whose restated values this number counts.
    """

    name: CellName
    unit: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    events: tuple[Responsible, ...]
    kpis: tuple[str, ...] = ()

    @property
    def value_moved(self) -> bool:
        """Whether the published value itself is another, and not only what stands behind it."""
        return bool(self.old["value"] != self.new["value"])

    def late_reporters(self) -> dict[str, int]:
        """The agencies that reported late, each with the most days that one of its events was late."""
        found: dict[str, int] = {}
        for one in self.events:
            if one.timing == "late" and one.days_late is not None:
                found[one.event.agency] = max(one.days_late, found.get(one.event.agency, 0))
        return dict(sorted(found.items()))

    def to_json(self) -> dict[str, Any]:
        kpi, version, period, group = self.name
        return {
            "kpi": kpi,
            "version": version,
            "period": period,
            "group": group,
            "unit": self.unit,
            "old": dict(self.old),
            "new": dict(self.new),
            "late": self.late_reporters(),
            "kpis": list(self.kpis),
            "events": [one.to_json() for one in self.events],
        }
