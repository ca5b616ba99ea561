"""Consistency rules: the closed set of things a mapping can look for in a row.

A rule flags and counts; it never repairs, drops or guesses, because the ledger keeps what the agency wrote and the
agency is the one to correct it. Names are the mapping's own, so that a report speaks of ``arrival_before_request``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MINUTE_US = 60_000_000


@dataclass(slots=True)
class RowFacts:
    """What a row says, as the rules see it.

    ``texts`` are the cells by alias, blank as ``""``; ``moments`` are UTC microseconds by alias, None where blank or
    undecided; ``wall`` are the local times as text (``2025-03-09 02:30:00``); ``clock`` names the aliases whose local
    time occurred twice or never; ``trimmed`` is whether a cell had spaces around it.
    """

    texts: Mapping[str, str]
    moments: Mapping[str, int | None]
    wall: Mapping[str, str] = field(default_factory=dict)
    clock: Mapping[str, Literal["ambiguous", "nonexistent"]] = field(default_factory=dict)
    trimmed: bool = False


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    says: str = ""
    """The rule in a sentence, for the report's reader."""

    def aliases(self) -> tuple[str, ...]:
        """The columns the rule looks at."""
        return ()

    def time_aliases(self) -> tuple[str, ...]:
        """Those it looks at as moments."""
        return ()

    @abstractmethod
    def breaks(self, row: RowFacts) -> bool:
        """Whether this row is flagged."""


class Before(_Rule):
    """Flags a row in which ``column`` is earlier than ``than``; rows without both are not its business."""

    kind: Literal["before"]
    column: str
    than: str

    def aliases(self) -> tuple[str, ...]:
        return (self.column, self.than)

    def time_aliases(self) -> tuple[str, ...]:
        return self.aliases()

    def breaks(self, row: RowFacts) -> bool:
        one, other = row.moments[self.column], row.moments[self.than]
        return one is not None and other is not None and one < other


class Longer(_Rule):
    """Flags a row in which ``until`` is more than ``minutes`` after ``since``."""

    kind: Literal["longer"]
    since: str
    until: str
    minutes: int = Field(gt=0)

    def aliases(self) -> tuple[str, ...]:
        return (self.since, self.until)

    def time_aliases(self) -> tuple[str, ...]:
        return self.aliases()

    def breaks(self, row: RowFacts) -> bool:
        start, end = row.moments[self.since], row.moments[self.until]
        return start is not None and end is not None and end - start > self.minutes * MINUTE_US


class Missing(_Rule):
    """Flags a row in which every one of ``columns`` is blank."""

    kind: Literal["missing"]
    columns: tuple[str, ...] = Field(min_length=1)

    def aliases(self) -> tuple[str, ...]:
        return self.columns

    def breaks(self, row: RowFacts) -> bool:
        return not any(row.texts[alias] for alias in self.columns)


class Without(_Rule):
    """Flags a row that has ``column`` and lacks ``lacks``."""

    kind: Literal["without"]
    column: str
    lacks: str

    def aliases(self) -> tuple[str, ...]:
        return (self.column, self.lacks)

    def breaks(self, row: RowFacts) -> bool:
        return bool(row.texts[self.column]) and not row.texts[self.lacks]


class Repeated(_Rule):
    """Flags a row in which two of ``columns`` hold the same text."""

    kind: Literal["repeated"]
    columns: tuple[str, ...] = Field(min_length=2)

    def aliases(self) -> tuple[str, ...]:
        return self.columns

    def breaks(self, row: RowFacts) -> bool:
        filled = [row.texts[alias] for alias in self.columns if row.texts[alias]]
        return len(set(filled)) != len(filled)


class Minutes(_Rule):
    """Flags a row whose own ``minutes`` column differs from ``until`` − ``since`` by ``tolerance`` minutes or more."""

    kind: Literal["minutes"]
    minutes: str
    since: str
    until: str
    tolerance: float = Field(default=1.0, gt=0)

    def aliases(self) -> tuple[str, ...]:
        return (self.minutes, self.since, self.until)

    def time_aliases(self) -> tuple[str, ...]:
        return (self.since, self.until)

    def breaks(self, row: RowFacts) -> bool:
        start, end, stated = row.moments[self.since], row.moments[self.until], row.texts[self.minutes]
        if start is None or end is None or not stated:
            return False
        try:
            return abs(float(stated) - (end - start) / MINUTE_US) >= self.tolerance
        except ValueError:
            return True


class MinutesPair(BaseModel):
    """A column of minutes and the two moments it was worked out from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: str
    since: str
    until: str


class MinutesBlank(_Rule):
    """Flags a row where both moments of one of ``pairs`` are there and its column of minutes is blank."""

    kind: Literal["minutes_blank"]
    pairs: tuple[MinutesPair, ...] = Field(min_length=1)

    def aliases(self) -> tuple[str, ...]:
        return tuple(alias for pair in self.pairs for alias in (pair.minutes, pair.since, pair.until))

    def time_aliases(self) -> tuple[str, ...]:
        return tuple(alias for pair in self.pairs for alias in (pair.since, pair.until))

    def breaks(self, row: RowFacts) -> bool:
        return any(
            row.moments[pair.since] is not None and row.moments[pair.until] is not None and not row.texts[pair.minutes]
            for pair in self.pairs
        )


class Midnight(_Rule):
    """Flags a row in which one of ``columns`` is exactly midnight, which is what a date without a time becomes."""

    kind: Literal["midnight"]
    columns: tuple[str, ...] = Field(min_length=1)

    def aliases(self) -> tuple[str, ...]:
        return self.columns

    def time_aliases(self) -> tuple[str, ...]:
        return self.aliases()

    def breaks(self, row: RowFacts) -> bool:
        return any(row.wall.get(alias, "").endswith(" 00:00:00") for alias in self.columns)


class ClockChange(_Rule):
    """Flags a row with a local time that occurred twice (``ambiguous``) or never (``nonexistent``)."""

    kind: Literal["clock_change"]
    which: Literal["ambiguous", "nonexistent"]

    def breaks(self, row: RowFacts) -> bool:
        return self.which in row.clock.values()


class Spaces(_Rule):
    """Flags a row in which a cell had spaces around its text (they are not part of the value)."""

    kind: Literal["spaces"]

    def breaks(self, row: RowFacts) -> bool:
        return row.trimmed


Rule = Annotated[
    Before | Longer | Missing | Without | Repeated | Minutes | MinutesBlank | Midnight | ClockChange | Spaces,
    Field(discriminator="kind"),
]
