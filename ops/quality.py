"""What the readings of data quality have in common: one answer for page, interface and command.

Here because the ledger's kept rejections and the KPIs' cells come together in it, which no room may see at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.composition import House
from projections.kpi import AsOf, Definitions, cells
from projections.kpi.periods import current
from projections.quality import Checked, Flag, Outlier, Score, checked, flags, outliers, scores


@dataclass(frozen=True, slots=True)
class Quality:
    """Scores by agency and dimension, every rule by agency, open and resolved doubts, and values that stand out."""

    scores: list[Score]
    lines: list[Checked]
    flags: list[Flag]
    outliers: list[Outlier]

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {
            "scores": [one.to_json() for one in self.scores],
            "rules": [one.to_json() for one in self.lines],
            "flags": [one.to_json() for one in self.flags],
            "outliers": [one.to_json() for one in self.outliers],
        }


def quality(house: House, as_of: AsOf, *, agency: str = "") -> Quality:
    """The data quality as known at a reading, of all agencies or of one."""
    # The same one sent again is counted once: how often it came is known of now only, not of a moment.
    rejected = house.ledger.rejections_by_agency(as_of.moment_us)
    with house.reading(as_of) as connection:
        lines = checked(connection, as_of.moment_us)
        found = scores(connection, as_of.moment_us, house.zone, lines, rejected=rejected)
        raised = flags(connection, as_of.moment_us)
        grains = {one.body.kpi: one.body.period.grain for one in Definitions.load(connection)}
        running = {current(as_of.moment_us, house.zone, grain) for grain in ("month", "quarter", "year")}
        complete = [cell for cell in cells(connection, as_of=as_of, zone=house.zone) if cell.period not in running]
    return Quality(
        [one for one in found if not agency or one.agency == agency],
        [one for one in lines if not agency or one.agency == agency],
        [one for one in raised if not agency or one.agency == agency],
        [one for one in outliers(complete, grains) if not agency or one.cell.group in ("all", f"agency:{agency}")],
    )
