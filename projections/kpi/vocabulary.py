"""The words for what read models hold: what a column's moment says happened, what a value of it means.

It is the language of the populations and not of any KPI, so that whatever definition looks at a column, its
words say the same. ``{it}`` stands for the thing that is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

Pair = tuple[str, str]

NOUNS: dict[str, tuple[str, str]] = {
    "calls": ("call", "calls"),
    "referrals": ("referral", "referrals"),
    "services": ("service", "services"),
    "obligations": ("obligation", "obligations"),
    "indicators": ("figure", "figures"),
    "entries": ("event", "events"),
    "expected_reports": ("report", "reports"),
    "kpi_status": ("KPI", "KPIs"),
    "arrests": ("arrest", "arrests"),
    "incidents": ("incident", "incidents"),
    "actions": ("action", "actions"),
    "reviews": ("review", "reviews"),
    "meetings": ("meeting", "meetings"),
    "audits": ("finding", "findings"),
    "attendances": ("attendance", "attendances"),
    "certifications": ("certification", "certifications"),
    "decided": ("decision", "decisions"),
    "disclosures": ("disclosure", "disclosures"),
    "engagements": ("engagement", "engagements"),
    "inputs": ("input", "inputs"),
    "quality_flags": ("flag", "flags"),
    "referrals_served": ("referral", "referrals"),
    "staffing": ("headcount", "headcounts"),
    "surveys": ("survey", "surveys"),
    "trained_staff": ("training", "trainings"),
    "trainings": ("training", "trainings"),
    "transactions": ("transaction", "transactions"),
}
"""A thing of each population, one and many."""

AMOUNTS: dict[str, str] = {
    "amount_minor": "the money",
    "headcount": "the headcount",
    "attendees": "the attendees",
    "n": "the answers",
}
"""What a column of whole numbers adds up to."""

WHOSE: dict[str, str] = {"staff": "members of staff", "person": "people"}
"""What the different values of a column are, of which each is counted once."""

PLURALS: dict[str, str] = {
    **dict(NOUNS.values()),
    "encounter": "encounters",
    "person": "people",
    "delivery": "deliveries",
    "commitment": "commitments",
    "indicator": "indicators",
    "response": "responses",
    "client": "clients",
    "request": "requests",
    "officer": "officers",
    "payment": "payments",
    "member": "members",
    "day": "days",
}
"""Nouns that a unit of count may be about; one that is not here is spoken of as "every …"."""

EVENTS: dict[str, tuple[str, str]] = {
    "received_at": ("the call came in", "the call"),
    "dispatched_at": ("a team was sent out", "the sending of a team"),
    "arrived_at": ("the first team arrived", "the arrival of the first team"),
    "alt_arrived_at": ("an alternative or co-response team arrived", "the arrival of an alternative team"),
    "engaged_at": ("the team met the person", "meeting the person"),
    "closed_at": ("the encounter ended", "the end of the encounter"),
    "requested_at": ("the referral was requested", "the request"),
    "accepted_at": ("the referral was accepted", "its acceptance"),
    "declined_at": ("the referral was declined", "its refusal"),
    "completed_at": ("the referral was completed", "its completion"),
    "ended_at": ("the referral came to an end", "the end of the referral"),
    "due_at": ("{it} was due", "the due date"),
    "met_at": ("{it} was met", "its being met"),
    "delivered_at": ("the service was delivered", "the delivery"),
    "earned_at": ("{it} was earned", "the day on which it was earned"),
    "expired_at": ("{it} was reported as expired", "the day on which it is reported as expired"),
    "expires": ("{it} expires", "the end of the day on which it expires"),
    "happened_at": ("{it} happened", "the moment at which it happened"),
    "contacted_at": ("the person was reached again", "the follow-up"),
    "made_at": ("{it} was made", "{it}"),
    "held_at": ("{it} was held", "{it}"),
    "opened_at": ("{it} was opened", "its opening"),
}
"""What a moment's column says happened, as a clause and as a noun."""

FLAGS: dict[str, tuple[str, str]] = {
    "requested": ("a request for {it} is recorded", "no request for {it} is recorded"),
    "accepted": ("{it} was accepted", "{it} was not accepted"),
    "declined": ("{it} was declined", "{it} was not declined"),
    "alt_arrived": ("an alternative or co-response team arrived", "no alternative or co-response team arrived"),
    "waived": ("{it} was waived", "{it} was not waived"),
    "disputed": ("{it} is disputed", "{it} is not disputed"),
    "released": ("{it} was waived by the other side", "{it} was not waived by the other side"),
    "contested": ("{it} is disputed by the other side", "{it} is not disputed by the other side"),
    "received": ("{it} was received", "{it} was not received"),
    "on_time": ("{it} was received on time", "{it} was not received on time"),
    "owner_live": ("{it} has an owner who is a current partner", "{it} has no owner who is a current partner"),
    "backup": ("police backup was asked for", "no police backup was asked for"),
    "follow_up": ("a follow-up is owed", "no follow-up is owed"),
    "contacted": ("the person was reached again", "the person was not reached again"),
    "dispatched": ("a team was sent out", "no team was sent out"),
    "made": ("{it} itself is recorded", "{it} itself is not recorded"),
    "divertible": ("the charge may be diverted", "the charge may not be diverted"),
    "opened": ("the opening of {it} is recorded", "the opening of {it} is not recorded"),
    "closed": ("{it} is closed", "{it} is not closed"),
    "scheduled": ("{it} was scheduled", "{it} was not scheduled"),
    "held": ("{it} was held", "{it} was not held"),
    "joint": ("agencies of several sectors took part", "agencies of one sector alone took part"),
    "quorum": ("{it} had a quorum", "{it} had no quorum"),
    "value_current": ("the newest value of {it} is up to date", "the newest value of {it} is out of date or missing"),
}
"""What a flag's column says when it is set, and when it is not."""

KNOWN: dict[str, tuple[str, str]] = {
    "disposition": ("the way the encounter ended is recorded", "the way the encounter ended is not recorded"),
    "eligibility": ("{it} was checked for eligibility", "{it} was never checked for eligibility"),
    "not_sent_reason": ("a reason for sending no team was given", "no reason for sending no team was given"),
    "outcome": ("the outcome is recorded", "no outcome is recorded"),
    "declined_reason": ("a reason for declining {it} was given", "no reason for declining {it} was given"),
    "person": ("the token of the person is given", "no token of a person is given"),
    "person_group": ("the group of the person is given", "no group of the person is given"),
    "staff": ("the token of the member of staff is given", "no token of a member of staff is given"),
    "discipline": ("it is recorded which service {it} was for", "it is not recorded which service {it} was for"),
    "dispatched_team": ("it is recorded which team was sent out", "it is not recorded which team was sent out"),
    "arrived_team": ("it is recorded which team arrived", "it is not recorded which team arrived"),
}
"""What it means that a column has a value, and that it has none."""

VALUES: dict[str, dict[str, tuple[str, str]]] = {
    "not_owed": {
        "agreement_not_in_force": ("{it} fell due", "before its agreement was in force"),
        "agreement_ended": ("{it} fell due", "after its agreement had ended"),
        "no_longer_party": ("{it} fell due", "after one side had left the agreement"),
    },
    "disposition": {
        "remained_in_community": ("the person", "stayed in the community"),
        "emergency_department": ("the person was taken to", "an emergency department"),
        "sobering": ("the person was taken to", "a sobering centre"),
        "walk_in_center": ("the person was taken to", "a walk-in centre"),
        "respite": ("the person was taken to", "a respite place"),
        "arrest": ("the person", "was arrested"),
        "declined": ("the person", "declined help"),
        "other": ("the encounter ended", "in another way"),
    },
    "eligibility": {
        "eligible": ("{it} was found", "eligible for an alternative response"),
        "ineligible": ("{it} was found", "not eligible for an alternative response"),
    },
    "not_sent_reason": {
        "out_of_hours": ("no team was sent because", "it was outside service hours"),
        "geography": ("no team was sent because", "the place was outside the service area"),
        "no_unit": ("no team was sent because", "none was free"),
        "safety": ("no team was sent because", "it was not safe"),
    },
    "outcome": {
        "got_help": ("the person", "got the help that was needed"),
        "partly": ("the person", "got part of the help that was needed"),
        "not": ("the person", "did not get the help that was needed"),
    },
    "discipline": {
        "police": ("{it} was for", "the police"),
        "behavioural_health": ("{it} was for", "behavioural health"),
        "fire": ("{it} was for", "the fire service"),
        "ems": ("{it} was for", "emergency medical services"),
        "other": ("{it} was for", "none of the emergency services"),
    },
    "dispatched_team": {
        "police": ("the first team sent out was", "the police"),
        "co_response": ("the first team sent out was", "a co-response team"),
        "civilian": ("the first team sent out was", "a civilian team"),
        "ems": ("the first team sent out was", "an ambulance"),
    },
    "arrived_team": {
        "police": ("the first team to arrive was", "the police"),
        "co_response": ("the first team to arrive was", "a co-response team"),
        "civilian": ("the first team to arrive was", "a civilian team"),
        "ems": ("the first team to arrive was", "an ambulance"),
    },
    "declined_reason": {
        "no_capacity": ("{it} was declined because", "there was no capacity"),
        "not_eligible": ("{it} was declined because", "the person was not eligible"),
        "out_of_area": ("{it} was declined because", "the person lives outside the area"),
        "duplicate": ("{it} was declined because", "it had been made before"),
        "other": ("{it} was declined for", "another reason"),
    },
    "bucket": {
        "undated": ("it is not known", "when {it} happened"),
        "0": ("{it} was entered", "on the same day"),
        "1-3": ("{it} was entered", "1 to 3 days later"),
        "4-6": ("{it} was entered", "4 to 6 days later"),
        "7-10": ("{it} was entered", "7 to 10 days later"),
        "11+": ("{it} was entered", "11 or more days later"),
    },
}
"""What a value of a column means: how the clause begins, which several values share, and how it ends."""

OVERLAID: dict[str, dict[str, dict[str, Pair]]] = {
    "arrests": {
        "events": {
            "accepted_at": ("the diversion was accepted", "the acceptance of the diversion"),
            "declined_at": ("the diversion was declined", "the refusal of the diversion"),
            "offered_at": ("a diversion was offered", "the offer of a diversion"),
        },
        "flags": {
            "accepted": ("a diversion was accepted", "no diversion was accepted"),
            "declined": ("a diversion was declined", "no diversion was declined"),
            "offered": ("a diversion was offered", "no diversion was offered"),
        },
    },
    "calls": {
        "flags": {
            "engaged": ("the team met the person", "the team did not meet the person"),
            "closed": ("the encounter ended", "the encounter did not end"),
        }
    },
    "actions": {"events": {"closed_at": ("{it} was closed", "its closing")}},
    "audits": {"events": {"closed_at": ("{it} was closed", "its closing")}},
}
"""Where the rows of a population say something else by a column that others have too."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words for the columns of one population."""

    events: Mapping[str, Pair]
    flags: Mapping[str, Pair]
    known: Mapping[str, Pair]
    values: Mapping[str, Mapping[str, Pair]]


@cache
def spoken_of(population: str) -> Vocabulary:
    """What is said of a population's columns: the words of all, overlaid by its own."""
    own = OVERLAID.get(population, {})
    return Vocabulary({**EVENTS, **own.get("events", {})}, {**FLAGS, **own.get("flags", {})}, KNOWN, VALUES)


TERMS: dict[str, str] = {
    "disposition": "A disposition is how an encounter ended: where the person went.",
    "eligible": "A call is eligible when triage found that an alternative or co-response team could answer it.",
    "co-response": "A co-response team is police and a clinician together; an alternative team comes without police.",
    "referral": "A referral is one agency asking another to help a person.",
    "obligation": "An obligation is what a partner owes under an agreement by a date.",
}
"""What a word means that a reader may not know, told where it is used."""
