"""What governance decided and has to follow up: meetings, decisions, actions, reviews, calendars and audits.

Here because following through is counted like anything else. All but the audits are decisions, guarded when
they are taken; a row keeps the first opening of a thing and its first end, and the latest where one replaces
the other.
"""

from projections.calendar import day_end, month_of, month_of_day, month_of_day_or
from projections.merges import Derived, Model, Slot, SubjectKey, at, by_agency, coalesce, data, won

MEETINGS = Model(
    name="meetings",
    key_column="meeting",
    key=SubjectKey("meeting/"),
    slots=(
        Slot(
            "held",
            "first",
            ("meeting.held",),
            (
                at("held_at"),
                data("plan"),
                data("attendees_by_agency", kind="json"),
                data("quorum", kind="integer"),
                by_agency("agency"),
                won("held"),
            ),
        ),
    ),
    derived=(Derived("month", month_of, ("held_at",), zoned=True),),
    indexes=(("month",),),
)

DECIDED = Model(
    name="decided",
    key_column="decision",
    key=SubjectKey("decision/"),
    slots=(
        Slot(
            "recorded",
            "first",
            ("decision.recorded",),
            (
                at("recorded_at"),
                data("plan"),
                data("meeting"),
                data("motion"),
                data("votes", kind="json"),
                data("dissent", kind="json"),
                by_agency("agency"),
                won("recorded"),
            ),
        ),
    ),
    derived=(Derived("month", month_of, ("recorded_at",), zoned=True),),
    indexes=(("month",),),
)

ACTIONS = Model(
    name="actions",
    key_column="action",
    key=SubjectKey("action/"),
    slots=(
        Slot(
            "opened",
            "first",
            ("action.opened",),
            (
                at("opened_at"),
                data("plan"),
                data("owner"),
                data("due"),
                data("what"),
                data("about_kpi", "about.kpi"),
                data("about_obligation", "about.obligation"),
                data("about_restatement", "about.restatement"),
                data("about_decision", "about.decision"),
                won("opened"),
            ),
        ),
        Slot("closed", "first", ("action.closed",), (at("closed_at"), data("evidence_ref"), won("closed"))),
    ),
    derived=(
        Derived("due_at", day_end, ("due",), kind="integer", zoned=True),
        Derived("agency", coalesce, ("owner",)),
        Derived("month", month_of_day, ("due",)),
    ),
    indexes=(("month",),),
)

REVIEWS = Model(
    name="reviews",
    key_column="review",
    key=SubjectKey("review/"),
    slots=(
        Slot(
            "scheduled",
            "last",
            ("review.scheduled",),
            (
                at("scheduled_at"),
                data("scheduled_plan", "plan"),
                data("due"),
                by_agency("scheduled_agency"),
                won("scheduled"),
            ),
        ),
        Slot(
            "held",
            "first",
            ("review.held",),
            (
                at("held_at"),
                data("held_plan", "plan"),
                data("as_of", kind="integer"),
                data("moment"),
                data("cells_sha256"),
                data("cells", kind="integer"),
                by_agency("held_agency"),
                won("held"),
            ),
        ),
    ),
    derived=(
        Derived("plan", coalesce, ("scheduled_plan", "held_plan")),
        Derived("due_at", day_end, ("due",), kind="integer", zoned=True),
        Derived("agency", coalesce, ("scheduled_agency", "held_agency")),
        Derived("month", month_of_day_or, ("due", "held_at"), zoned=True),
    ),
    indexes=(("month",),),
)

CALENDARS = Model(
    name="calendars",
    key_column="plan",
    key=SubjectKey("plan/"),
    slots=(
        Slot(
            "set",
            "last",
            ("calendar.set",),
            (at("set_at"), data("weekdays", kind="json"), data("holidays", kind="json")),
        ),
    ),
)

AUDITS = Model(
    name="audits",
    key_column="audit",
    key=SubjectKey("audit/"),
    slots=(
        Slot(
            "found",
            "first",
            ("audit.finding",),
            (
                at("found_at"),
                data("plan"),
                data("severity"),
                data("what"),
                data("owner"),
                data("due"),
                by_agency("agency"),
                won("found"),
            ),
        ),
        Slot("closed", "first", ("audit.closed",), (at("closed_at"), won("closed"))),
    ),
    derived=(
        Derived("due_at", day_end, ("due",), kind="integer", zoned=True),
        Derived("month", month_of, ("found_at",), zoned=True),
    ),
    indexes=(("month",),),
)

MODELS = (MEETINGS, DECIDED, ACTIONS, REVIEWS, CALENDARS, AUDITS)
