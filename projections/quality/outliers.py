"""Values that stand out from their own history: a KPI's periods by z-score and by modified z-score.

Here because a number that leaps is either news or a mistake, and somebody should look before a committee acts on it.
The modified score rests on medians, so that one wild value does not hide itself: Iglewicz, B. and Hoaglin, D. (1993),
How to Detect and Handle Outliers, ASQC Quality Press, who suggest 3.5 as its limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median
from typing import Any, Final

from projections.kpi import Cell
from projections.kpi.periods import grain_of

Z_LIMIT: Final = 3.0
MODIFIED_Z_LIMIT: Final = 3.5
PERIODS_MIN: Final = 8
"""Fewer values have no history to stand out from."""

_NORMAL: Final = 0.6745  # the third quartile of the standard normal, which makes the two scores comparable
_MEAN_DEVIATION: Final = (
    1.253314  # used where more than half of the values are the same and their median deviation is 0
)


@dataclass(frozen=True, slots=True)
class Outlier:
    """A cell whose value stands out; ``z`` and ``modified_z`` are its scores among the ``n`` periods of its series."""

    cell: Cell
    n: int
    z: float
    modified_z: float

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        told = self.cell.to_json()
        return {
            **{name: told[name] for name in ("kpi", "version", "period", "group", "value")},
            "n": self.n,
            "z": round(self.z, 2),
            "modified_z": round(self.modified_z, 2),
        }


def z_scores(values: Sequence[float]) -> list[float]:
    """(x - mean) / s with the sample standard deviation (n - 1); all 0 where the values do not differ."""
    middle = fmean(values)
    spread = sqrt(sum((value - middle) ** 2 for value in values) / max(1, len(values) - 1))
    return [0.0 if spread == 0 else (value - middle) / spread for value in values]


def modified_z_scores(values: Sequence[float]) -> list[float]:
    """0.6745 (x - median) / MAD; where the MAD is 0, (x - median) / (1.253314 · mean absolute deviation).

    The second form is that of IBM SPSS; all 0 where the values do not differ.
    """
    middle = median(values)
    away = [abs(value - middle) for value in values]
    spread = median(away) / _NORMAL or _MEAN_DEVIATION * fmean(away)
    return [0.0 if spread == 0 else (value - middle) / spread for value in values]


def outliers(cells: Iterable[Cell], grains: Mapping[str, str]) -> list[Outlier]:
    """The cells of some series that stand out by either score, the farthest first.

    ``grains`` tells by KPI the grain at which it is read, which keeps months from being compared with years. The caller
    leaves out the period now running: it is not complete.
    """
    series: dict[tuple[str, int, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.value is not None and grain_of(cell.period) == grains.get(cell.kpi):
            series[cell.kpi, cell.version, cell.group].append(cell)
    found = []
    for members in series.values():
        if len(members) < PERIODS_MIN:
            continue
        values = [float(cell.value) for cell in members if cell.value is not None]
        for cell, z, modified in zip(members, z_scores(values), modified_z_scores(values), strict=True):
            if abs(z) > Z_LIMIT or abs(modified) > MODIFIED_Z_LIMIT:
                found.append(Outlier(cell, len(members), z, modified))
    return sorted(found, key=lambda one: (-abs(one.modified_z), one.cell.kpi, one.cell.period, one.cell.group))
