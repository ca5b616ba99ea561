"""The pages of this section: how correct, complete, consistent and timely each agency's reports are.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from ops.pages.asking import Asked, asked
from ops.quality import quality
from projections.quality import DIMENSIONS, Score

if TYPE_CHECKING:
    from ops.composition import House
    from ops.pages.routes import Pages

Figures = dict[str, Any]

DIMENSION_WORDS = {
    "correct": ("Correct", "of what was sent kept its contract"),
    "complete": ("Complete", "of what should be there is"),
    "consistent": ("Consistent", "of the records agree with themselves"),
    "timely": ("Timely", "came within three days, or by its due day"),
}
GOOD, FAIR = 95.0, 80.0
"""From these shares on, a score is shown as good and as fair."""
OUTLIERS_SHOWN = 40


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
    house = pages.house

    @router.get("/quality")
    def quality_page(as_of: str = "", agency: str = "") -> Response:
        reading = asked(house, as_of)
        figures = quality_figures(house, reading, agency)
        return pages.page("quality", figures, here="/quality", nav="/feeds", reading=reading)


def quality_figures(house: House, reading: Asked, agency: str) -> Figures:
    """The matrix of scores, the rules that were broken, doubts and outliers."""
    found = quality(house, reading.as_of, agency=agency)
    by_place = {(one.agency, one.dimension): one for one in found.scores}
    names = sorted({one.agency for one in found.scores})
    return {
        "agency": agency,
        "dimensions": [DIMENSION_WORDS[name] for name in DIMENSIONS],
        "rows": [(name, [(by_place[name, one], _mark(by_place[name, one])) for one in DIMENSIONS]) for name in names],
        "broken": [line for line in found.lines if line.broken],
        "kept": sum(not line.broken for line in found.lines),
        "flags": found.flags,
        "outliers": found.outliers[:OUTLIERS_SHOWN],
        "outliers_total": len(found.outliers),
    }


def _mark(score: Score) -> str:
    if score.share is None:
        return "no_data"
    return "on_track" if score.share >= GOOD else "watch" if score.share >= FAIR else "off_track"
