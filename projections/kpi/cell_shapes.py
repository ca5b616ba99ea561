"""A cell as it is read: one KPI version x period x group, with its standing, at a moment of reading.

Here because everything else that is shown of a KPI, its line, its plan and its explanation, is made of cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

CellStatus = Literal["on_track", "watch", "off_track", "no_data", "stale", "unowned", "no_target"]
STATUSES: tuple[CellStatus, ...] = (
    "on_track",
    "watch",
    "off_track",
    "no_data",
    "stale",
    "unowned",
    "no_target",
)


def number(value: Decimal | None) -> int | float | None:
    """A JSON number: an int where the value is whole and written without digits, else the nearest float."""
    if value is None:
        return None
    exponent = value.as_tuple().exponent
    return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment of reading: clock-dependent things are judged at ``moment_us`` (UTC microseconds).

    ``log_index`` limits what is known to the ledger's first so many events; None means all of them.
    """

    moment_us: int
    log_index: int | None = None

    def to_json(self) -> dict[str, Any]:
        from contracts.moments import format_us

        return {"moment": format_us(self.moment_us), "log_index": self.log_index}


@dataclass(frozen=True, slots=True)
class Cell:
    """One KPI version x period x group.

    ``value`` is rounded by the definition; None where nothing could be counted. ``numerator`` and
    ``denominator`` are counts of rows (None where the measure has none; for an outside indicator, what was
    reported). ``excluded`` maps each reason to the rows left out for it; ``also`` maps further statistics
    by name. ``counts`` are the rows in each named share or part. ``last_us`` is the latest moment among the
    rows in scope; ``stale_since_us`` is set where the status is or would be stale.
    """

    kpi: str
    version: int
    period: str
    group: str
    unit: str
    value: Decimal | None
    numerator: int | Decimal | None
    denominator: int | Decimal | None
    status: CellStatus
    target: Decimal | None = None
    excluded: dict[str, int] = field(default_factory=dict)
    also: dict[str, Decimal | None] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    last_us: int | None = None
    stale_since_us: int | None = None
    status_reason: str = ""
    owner: str | None = None
    title: str = ""
    direction: str = "none"

    def to_json(self) -> dict[str, Any]:
        """The published form; ``excluded`` names only reasons that left something out."""
        from contracts.moments import format_us

        def exact(value: int | Decimal | None) -> int | float | None:
            return number(value) if isinstance(value, Decimal) else value

        return {
            "kpi": self.kpi,
            "version": self.version,
            "period": self.period,
            "group": self.group,
            "value": number(self.value),
            "numerator": exact(self.numerator),
            "denominator": exact(self.denominator),
            "target": number(self.target),
            "status": self.status,
            "status_reason": self.status_reason,
            "excluded": {reason: n for reason, n in self.excluded.items() if n},
            "unit": self.unit,
            "also": {name: number(value) for name, value in self.also.items()},
            "owner": self.owner,
            "last_event": None if self.last_us is None else format_us(self.last_us),
            "stale_since": None if self.stale_since_us is None else format_us(self.stale_since_us),
        }
