"""Crisis calls and the responses to them: one row a call.

Here because coverage, disposition and response-time KPIs all count calls. Local systems disagree about order
and leave steps out, so every step is a slot of its own and none presupposes another.
"""

from projections.calendar import month_of
from projections.merges import (
    Derived,
    Model,
    Slot,
    SubjectKey,
    Where,
    at,
    by_agency,
    coalesce,
    data,
    won,
)

CALLS = Model(
    name="calls",
    key_column="call",
    key=SubjectKey("call/"),
    slots=(
        Slot(
            "received",
            "first",
            ("call.received",),
            (
                at("received_at"),
                data("channel"),
                data("psap"),
                data("local_code"),
                data("priority"),
                data("area"),
                data("discipline"),
                by_agency("received_agency"),
                data("needs", kind="json"),
                won("received"),
            ),
        ),
        Slot(
            "triaged",
            "last",
            ("call.triaged",),
            (data("eligibility"), data("triage_reason", "reason"), won("triaged")),
        ),
        Slot(
            "dispatched",
            "first",
            ("response.dispatched",),
            (
                at("dispatched_at"),
                data("dispatched_team", "team"),
                by_agency("dispatched_agency"),
                won("dispatched"),
            ),
        ),
        Slot(
            "arrived",
            "first",
            ("response.arrived",),
            (at("arrived_at"), data("arrived_team", "team"), won("arrived")),
        ),
        Slot(
            "alt_arrived",
            "first",
            ("response.arrived",),
            (at("alt_arrived_at"), data("alt_team", "team"), won("alt_arrived")),
            where=Where("team", frozenset({"co_response", "civilian"})),
        ),
        Slot(
            "not_sent",
            "last",
            ("response.not_sent",),
            (at("not_sent_at"), data("not_sent_reason", "reason"), won("not_sent")),
        ),
        Slot("backup", "first", ("response.backup_requested",), (at("backup_at"), won("backup"))),
        Slot(
            "engaged",
            "first",
            ("encounter.engaged",),
            (at("engaged_at"), data("engaged_person", "person"), won("engaged")),
        ),
        Slot(
            "closed",
            "last",
            ("encounter.closed",),
            (
                at("closed_at"),
                data("disposition"),
                data("attempt_outcome"),
                data("minutes_on_scene", kind="integer"),
                data("closed_person", "person"),
                data("person_group"),
                data("follow_up", kind="integer"),
                by_agency("closed_agency"),
                won("closed"),
            ),
        ),
        Slot(
            "contacted",
            "first",
            ("followup.made",),
            (at("contacted_at"), won("contacted")),
            where=Where("outcome", frozenset({"reached"})),
        ),
    ),
    derived=(
        Derived("agency", coalesce, ("closed_agency", "dispatched_agency", "received_agency")),
        Derived(
            "occurred_at",
            coalesce,
            ("received_at", "dispatched_at", "arrived_at", "engaged_at", "closed_at"),
            kind="integer",
        ),
        Derived("person", coalesce, ("closed_person", "engaged_person")),
        Derived("month", month_of, ("occurred_at",), zoned=True),
    ),
    indexes=(("month",),),
)

MODELS = (CALLS,)
