"""Arrests and what was offered instead, and incidents in which force was used: one row each.

Here because diversion is counted among the arrests that could have been diverted, and force among the calls at
which it was used. Who offers and who arrests are different agencies, so no step presupposes another.
"""

from projections.calendar import month_of
from projections.merges import Derived, Model, Slot, SubjectKey, at, by_agency, data, won

ARRESTS = Model(
    name="arrests",
    key_column="arrest",
    key=SubjectKey("arrest/"),
    slots=(
        Slot(
            "made",
            "first",
            ("arrest.made",),
            (
                at("made_at"),
                data("charge_class"),
                data("divertible", kind="integer"),
                data("call"),
                data("person"),
                data("person_group"),
                by_agency("agency"),
                won("made"),
            ),
        ),
        Slot(
            "offered",
            "first",
            ("diversion.offered",),
            (at("offered_at"), data("program"), by_agency("offered_agency"), won("offered")),
        ),
        Slot("accepted", "first", ("diversion.accepted",), (at("accepted_at"), won("accepted"))),
        Slot(
            "declined",
            "first",
            ("diversion.declined",),
            (at("declined_at"), data("declined_reason", "reason"), won("declined")),
        ),
    ),
    derived=(Derived("month", month_of, ("made_at",), zoned=True),),
    indexes=(("month",),),
)

INCIDENTS = Model(
    name="incidents",
    key_column="incident",
    key=SubjectKey("incident/"),
    slots=(
        Slot(
            "used",
            "first",
            ("force.used",),
            (at("used_at"), data("call"), data("force_kind"), data("person"), by_agency("agency"), won("used")),
        ),
    ),
    derived=(Derived("month", month_of, ("used_at",), zoned=True),),
    indexes=(("month",),),
)

MODELS = (ARRESTS, INCIDENTS)
