"""Who is trained and who is there: trainings, certifications, headcounts and shared sites.

Here because coverage is a share of staff. A training is stated by its organiser and confirmed by every agency
that attended, so its row gathers what all of them said and expands to one attendance an agency.
"""

from projections.attendances import ATTENDANCES
from projections.calendar import month_of
from projections.merges import Collect, Derived, Model, Slot, SubjectKey, at, by_agency, coalesce, data, won

TRAININGS = Model(
    name="trainings",
    key_column="training",
    key=SubjectKey("training/"),
    slots=(
        Slot(
            "held",
            "first",
            ("training.held",),
            (
                at("held_at"),
                data("course"),
                data("kind"),
                data("hours", kind="real"),
                data("attendees_by_agency", kind="json"),
                data("staff_by_agency", kind="json"),
                by_agency("agency"),
                won("held"),
            ),
        ),
    ),
    collects=(
        Collect("confirmations", ("training.confirmed",), ("attendees",)),
        Collect("disputes", ("training.disputed",), ("reason",)),
    ),
    derived=(Derived("month", month_of, ("held_at",), zoned=True),),
    indexes=(("month",),),
    expansion=ATTENDANCES,
)

CERTIFICATIONS = Model(
    name="certifications",
    key_column="certification",
    key=SubjectKey("certification/"),
    slots=(
        Slot(
            "earned",
            "first",
            ("certification.earned",),
            (
                at("earned_at"),
                data("staff"),
                data("kind"),
                data("role"),
                data("expires"),
                by_agency("agency"),
                won("earned"),
            ),
        ),
        Slot("expired", "first", ("certification.expired",), (at("expired_at"), won("expired"))),
    ),
    derived=(Derived("month", month_of, ("earned_at",), zoned=True),),
    indexes=(("month",),),
)

STAFFING = Model(
    name="staffing",
    key_column="key",
    key=SubjectKey("staffing/"),
    slots=(
        # The latest headcount of a month stands, as the latest measurement of an indicator does.
        Slot(
            "reported",
            "last",
            ("staffing.reported",),
            (
                at("reported_at"),
                data("agency"),
                data("role"),
                data("period"),
                data("headcount", kind="integer"),
                won("reported"),
            ),
        ),
    ),
    derived=(Derived("month", coalesce, ("period",)),),
    indexes=(("month",),),
)

COLOCATIONS = Model(
    name="colocations",
    key_column="colocation",
    key=SubjectKey("colocation/"),
    slots=(
        Slot(
            "started",
            "first",
            ("colocation.started",),
            (
                at("started_at"),
                data("site"),
                data("host"),
                data("fte", kind="real"),
                by_agency("agency"),
                won("started"),
            ),
        ),
        Slot("ended", "first", ("colocation.ended",), (at("ended_at"), won("ended"))),
    ),
)

MODELS = (TRAININGS, CERTIFICATIONS, STAFFING, COLOCATIONS)
