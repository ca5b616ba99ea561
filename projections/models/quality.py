"""Flags on the quality of data: one row a flag, raised and perhaps resolved.

Here because a number rests on statements somebody may have doubts about, and a doubt stands until it is
resolved.
"""

from projections.calendar import month_of
from projections.merges import Derived, Model, Slot, SubjectKey, at, by_agency, data, won

QUALITY_FLAGS = Model(
    name="quality_flags",
    key_column="flag",
    key=SubjectKey("flag/"),
    slots=(
        Slot(
            "flagged",
            "first",
            ("dataquality.flagged",),
            (
                at("flagged_at"),
                data("rule"),
                data("severity"),
                data("about"),
                by_agency("agency"),
                won("flagged"),
            ),
        ),
        Slot("resolved", "first", ("dataquality.resolved",), (at("resolved_at"), won("resolved"))),
    ),
    derived=(Derived("month", month_of, ("flagged_at",), zoned=True),),
    indexes=(("month",),),
)

MODELS = (QUALITY_FLAGS,)
