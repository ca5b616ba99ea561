"""The quality of what was reported: named rules by agency, and values that stand out from their own history.

Here because a partnership that acts on a number needs to know how sound the reports under it are, and whose they are.
"""

from projections.quality.outliers import Outlier, modified_z_scores, outliers, z_scores
from projections.quality.reading import Checked, Flag, Score, checked, flags, scores
from projections.quality.rules import DIMENSIONS, RULES, Rule

__all__ = [
    "DIMENSIONS",
    "RULES",
    "Checked",
    "Flag",
    "Outlier",
    "Rule",
    "Score",
    "checked",
    "flags",
    "modified_z_scores",
    "outliers",
    "scores",
    "z_scores",
]
