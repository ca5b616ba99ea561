"""The figures of a cell: what is published of it apart from its standing.

Here because whoever makes figures and whoever stores, compares or opens them has to mean the same by each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

ALL_GROUPS = "all"

CellKey = tuple[str, str]
"""(period, group)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is published of a cell apart from its standing; see ``shapes.Cell`` for the fields."""

    value: Decimal | None
    numerator: int | Decimal | None
    denominator: int | Decimal | None
    excluded: Mapping[str, int] = field(default_factory=dict)
    also: Mapping[str, Decimal | None] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    last_us: int | None = None
