"""Reviews: what a committee knew of its plan when it met, and which of those numbers were restated since.

A review that fixed nothing could be rewritten by every late report. Here the cells known at a review are frozen
under one digest, and what is different now is laid beside them with the events that made it so.
"""

from projections.reviews.frozen import Snapshot, freeze
from projections.reviews.held import Held, held_reviews
from projections.reviews.restating import restatements
from projections.reviews.shapes import CellName, Responsible, Restatement

__all__ = ["CellName", "Held", "Responsible", "Restatement", "Snapshot", "freeze", "held_reviews", "restatements"]
