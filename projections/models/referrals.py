"""Referrals: one row a referral, with every step of its way to an end.

Here because acceptance, closed loops and need met are separate questions about the same referral, answered by
different agencies; each step keeps the first report of it, each outcome the last.
"""

from projections.calendar import month_of
from projections.merges import (
    Collect,
    Derived,
    Fill,
    Model,
    Slot,
    SubjectKey,
    any_won,
    at,
    by_agency,
    coalesce,
    data,
    earliest,
    won,
)
from projections.second_halves import first_agency, first_stated, first_time


def _first(name: str, event_type: str, *fills: Fill) -> Slot:
    """The first event of a type: its time in ``<name>_at`` and a flag."""
    return Slot(name, "first", (event_type,), (at(f"{name}_at"), won(name), *fills))


REFERRALS = Model(
    name="referrals",
    key_column="referral",
    key=SubjectKey("referral/"),
    slots=(
        _first(
            "requested",
            "referral.requested",
            data("requester"),
            data("target"),
            data("need"),
            data("urgency"),
            data("channel"),
            data("part_of"),
            data("person"),
            data("person_group"),
            by_agency("requested_agency"),
        ),
        _first("received", "referral.received", by_agency("received_agency")),
        _first("accepted", "referral.accepted", by_agency("accepted_agency")),
        _first("declined", "referral.declined", data("declined_reason", "reason"), by_agency("declined_agency")),
        _first("withdrawn", "referral.withdrawn", by_agency("withdrawn_agency")),
        _first("on_hold", "referral.on_hold", by_agency("on_hold_agency")),
        _first("scheduled", "appointment.scheduled", by_agency("scheduled_agency")),
        _first("missed", "appointment.missed"),
        _first("cancelled", "appointment.cancelled"),
        _first("completed", "referral.completed", by_agency("completed_agency")),
        Slot("outcome", "last", ("referral.completed",), (data("outcome"), data("service"))),
        _first("failed", "referral.failed", data("failed_reason", "reason"), by_agency("failed_agency")),
        Slot(
            "confirmed",
            "last",
            ("referral.outcome_confirmed",),
            (
                at("confirmed_at"),
                won("confirmed"),
                data("confirmed_by", "by"),
                data("confirmed_agrees", "agrees", kind="integer"),
            ),
        ),
    ),
    # The first of anybody says when a referral ended; whether it was the target's own word is asked of all of them.
    collects=(
        Collect("withdrawals", ("referral.withdrawn",)),
        Collect("disputes", ("referral.disputed",), ("reason",)),
    ),
    derived=(
        Derived(
            "ended_at",
            earliest,
            ("completed_at", "failed_at", "declined_at", "withdrawn_at"),
            kind="integer",
        ),
        Derived("ended", any_won, ("completed", "failed", "declined", "withdrawn"), kind="integer"),
        Derived("agency", coalesce, ("target",)),
        Derived("month", month_of, ("requested_at",), zoned=True),
        Derived("disputed", first_stated, ("requested_agency", "disputes"), kind="integer"),
        Derived("disputed_at", first_time, ("requested_agency", "disputes"), kind="integer"),
        Derived("disputed_agency", first_agency, ("requested_agency", "disputes")),
    ),
    # What is open at a moment is found among what has not ended, or ended since.
    indexes=(("month",), ("ended_at",)),
)

MODELS = (REFERRALS,)
