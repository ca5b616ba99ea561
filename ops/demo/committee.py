"""The steering committee of the demonstration: its calendar, its meetings, what it decided against whose dissent, and
what it asked to be done by when.

Some actions are closed in time, some late and some not yet, so that follow-through is a number like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from ops.demo import cast
from ops.demo.cast import CRISIS, HOSPITAL, HOUSING, MINUTE_US, OPEN_DOOR, POLICE, SCHOOLS, SECRETARIAT, Voice
from ops.demo.pen import Pen
from ops.demo.plan import Minutes, moment_us

HOLIDAYS: Final = (
    *("2023-01-02", "2023-01-16", "2023-05-29", "2023-06-19", "2023-07-04", "2023-09-04", "2023-11-23", "2023-12-25"),
    *("2024-01-01", "2024-01-15", "2024-05-27", "2024-06-19", "2024-07-04", "2024-09-02", "2024-11-28", "2024-12-25"),
    *("2025-01-01", "2025-01-20", "2025-05-26", "2025-06-19", "2025-07-04", "2025-09-01", "2025-11-27", "2025-12-25"),
)
QUORUM: Final = 4
"""Agencies that must be there for the committee to decide."""

REVIEWS: Final = (
    ("review-2024-h2", date(2025, 1, 31), date(2025, 1, 15)),
    ("review-2025-h1", date(2025, 7, 31), date(2025, 8, 13)),
    ("review-2025-h2", date(2025, 12, 15), None),
)
"""(review, the day it is due, the day it was held): one in time, one late, the last one not at all."""


@dataclass(frozen=True, slots=True)
class Motion:
    """A motion, the month it was put to the vote, and who voted against it and why."""

    month: tuple[int, int]
    words: str
    against: tuple[tuple[Voice, str], ...] = ()
    abstained: tuple[Voice, ...] = ()


MOTIONS: Final = (
    Motion((2023, 2), "Adopt the list of monthly reports and the days by which they are due."),
    Motion((2023, 5), "Place clinicians in the dispatch centre."),
    Motion((2023, 9), "Publish the scorecard every quarter.", abstained=(HOSPITAL,)),
    Motion(
        (2024, 3),
        "Let the crisis team work nights from July on.",
        ((POLICE, "No officer is free to go along between midnight and eight."),),
    ),
    Motion((2024, 6), "Answer referrals within 72 hours instead of five business days.", abstained=(OPEN_DOOR,)),
    Motion((2024, 11), "Extend the data sharing agreement by a year."),
    Motion(
        (2025, 1),
        "Count a loop as closed in 45 days instead of 30.",
        ((HOSPITAL, "The number gets better and nobody is helped sooner."),),
        (SCHOOLS,),
    ),
    Motion((2025, 5), "Offer diversion before booking.", ((POLICE, "Booking is where the charge is known."),)),
    Motion((2025, 10), "Ask the school district why it no longer reports."),
)


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done: since when, by when, and after how many days it was (None: it is not)."""

    opened: date
    days: int
    owner: Voice
    what: str
    about: dict[str, str] | None
    done_after: int | None


TASKS: Final = (
    Task(date(2023, 3, 8), 60, POLICE, "Write down why a call was not served.", {"kpi": "K03"}, 48),
    Task(date(2023, 5, 10), 90, CRISIS, "Hire a clinician for the dispatch centre.", {"decision": "motion-02"}, 84),
    Task(date(2023, 8, 9), 45, HOUSING, "Find out why referrals go unanswered.", {"kpi": "K17"}, 70),
    Task(date(2023, 11, 8), 60, HOSPITAL, "Send the bed nights of the summer again.", None, 52),
    Task(
        date(2024, 1, 17), 90, HOUSING, "Make up for the missing units.", {"obligation": "housing-units#2023-Q4"}, 131
    ),
    Task(date(2024, 3, 13), 100, CRISIS, "Staff the night shift.", {"decision": "motion-04"}, 96),
    Task(date(2024, 6, 12), 60, POLICE, "Name who receives a call from campus.", None, 41),
    Task(date(2024, 8, 21), 45, CRISIS, "Call everybody back within two days.", {"kpi": "K24"}, 38),
    Task(date(2024, 10, 9), 60, POLICE, "Say how a cancelled call is to be counted.", {"kpi": "K03"}, None),
    Task(date(2024, 12, 11), 75, OPEN_DOOR, "Send the list of outcomes in time.", None, 69),
    Task(date(2025, 1, 15), 90, HOSPITAL, "Bring emergency visits down.", {"kpi": "K07"}, 88),
    Task(date(2025, 2, 12), 60, POLICE, "Name a unit that publishes the crime rate.", {"kpi": "P01"}, None),
    Task(date(2025, 4, 9), 60, HOUSING, "Agree on an owner for needs met.", {"kpi": "K20"}, None),
    Task(date(2025, 5, 14), 120, POLICE, "Offer diversion before booking.", {"decision": "motion-08"}, 112),
    Task(date(2025, 7, 16), 60, CRISIS, "Look at who is helped less often.", {"kpi": "K46"}, 57),
    Task(date(2025, 8, 13), 60, POLICE, "Send the units of every response.", None, 50),
    Task(date(2025, 9, 10), 60, CRISIS, "Call back those who were not reached at first.", {"kpi": "K24"}, 55),
    Task(date(2025, 10, 8), 30, SCHOOLS, "Say why nothing is reported any more.", {"decision": "motion-09"}, None),
    Task(date(2025, 11, 12), 90, HOUSING, "Settle the disputed quarters.", None, None),
)


def tell_committee(pen: Pen, random: Random) -> None:
    """Everything the committee did but for the plan itself and for holding its reviews."""
    minutes = Minutes(pen)
    minutes.on(date(2023, 1, 10))
    minutes.write(
        "calendar.set",
        f"plan/{cast.PLAN}",
        {"plan": cast.PLAN, "weekdays": [1, 2, 3, 4, 5], "holidays": list(HOLIDAYS)},
    )
    minutes.on(date(2024, 12, 11))
    for review, due, _ in REVIEWS:
        data = {"review": review, "plan": cast.PLAN, "due": due.isoformat()}
        minutes.write("review.scheduled", f"review/{review}", data)
    votes = iter(enumerate(MOTIONS, start=1))
    number, motion = next(votes)
    for month in range(1, 36):
        met = _wednesday(2023 + month // 12, month % 12 + 1)
        meeting = f"meeting-{met.year}-{met.month:02d}"
        minutes.on(met)
        present = _meet(minutes, random, meeting, least=QUORUM if motion.month == (met.year, met.month) else 0)
        if motion.month == (met.year, met.month):
            _decide(minutes, meeting, f"motion-{number:02d}", motion, present)
            number, motion = next(votes, (0, Motion((0, 0), "")))
    for place, task in enumerate(TASKS, start=1):
        _ask(minutes, f"action-{place:02d}", task)
    _audits(pen)


def _wednesday(year: int, month: int) -> date:
    """The second Wednesday of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(2 - first.weekday()) % 7 + 7)


def _meet(minutes: Minutes, random: Random, meeting: str, least: int) -> list[str]:
    """The meeting, and the agencies that were there: the silent one stays away once it has fallen silent."""
    silent = meeting >= "meeting-2025-07"
    coming = {}
    for voice in cast.AGENCIES:
        away = 1.0 if silent and voice is SCHOOLS else 0.26 if voice in (SCHOOLS, OPEN_DOOR, HOSPITAL) else 0.14
        coming[voice.agency] = 0 if random.random() < away else random.choice((1, 1, 2))
    for agency in [voice.agency for voice in cast.AGENCIES if voice is not SCHOOLS]:
        # Where a vote is on the paper, enough are called in.
        if sum(map(bool, coming.values())) < least:
            coming[agency] = coming[agency] or 1
    if meeting[-3:] == "-08" or meeting == "meeting-2025-12":
        # In the holidays too few come to decide anything.
        coming = {agency: people if place < QUORUM - 1 else 0 for place, (agency, people) in enumerate(coming.items())}
    present = [agency for agency, people in coming.items() if people]
    if present:
        data = {
            "meeting": meeting,
            "plan": cast.PLAN,
            "attendees_by_agency": coming,
            "quorum": len(present) >= QUORUM,
        }
        minutes.write("meeting.held", f"meeting/{meeting}", data)
    return present


def _decide(minutes: Minutes, meeting: str, decision: str, motion: Motion, present: list[str]) -> None:
    against = {voice.agency: reason for voice, reason in motion.against}
    abstained = {voice.agency for voice in motion.abstained}
    voting = [voice.agency for voice in cast.AGENCIES if voice.agency in (*present, *against, *abstained)]
    data: dict[str, Any] = {
        "decision": decision,
        "plan": cast.PLAN,
        "meeting": meeting,
        "motion": motion.words,
        "votes": {
            agency: "against" if agency in against else "abstained" if agency in abstained else "for"
            for agency in voting
        },
    }
    if against:
        data["dissent"] = [{"agency": agency, "reason": reason} for agency, reason in against.items()]
    minutes.write("decision.recorded", f"decision/{decision}", data)


def _ask(minutes: Minutes, action: str, task: Task) -> None:
    minutes.on(task.opened)
    data: dict[str, Any] = {
        "action": action,
        "plan": cast.PLAN,
        "owner": task.owner.agency,
        "due": (task.opened + timedelta(days=task.days)).isoformat(),
        "what": task.what,
    }
    if task.about is not None:
        data["about"] = task.about
    minutes.write("action.opened", f"action/{action}", data)
    if task.done_after is not None:
        minutes.on(task.opened + timedelta(days=task.done_after))
        minutes.write("action.closed", f"action/{action}", {"action": action, "evidence_ref": f"{action}.pdf"})


def _audits(pen: Pen) -> None:
    """What the outside auditor found every spring, and what became of it."""
    for number, (found, severity, what, owner, days, closed_after) in enumerate(
        (
            (date(2024, 4, 22), "medium", "Consents without the date on which they end.", CRISIS, 90, 75),
            (date(2024, 4, 22), "low", "Two spellings of one code in the call extract.", POLICE, 60, 96),
            (date(2025, 4, 28), "high", "Disclosures without the notice that goes with them.", HOSPITAL, 60, 44),
            (date(2025, 4, 28), "medium", "No evidence for a third of the housing units.", HOUSING, 120, None),
        ),
        start=1,
    ):
        audit = f"finding-{number}"
        subject = f"audit/{audit}"
        data = {
            "audit": audit,
            "plan": cast.PLAN,
            "severity": severity,
            "what": what,
            "owner": owner.agency,
            "due": (found + timedelta(days=days)).isoformat(),
        }
        at_us = moment_us(found)
        pen.tell(SECRETARIAT, "audit.finding", subject, at_us, data, lag_us=MINUTE_US, careful=True)
        if closed_after is not None:
            closed_us = moment_us(found + timedelta(days=closed_after))
            closed = {"audit": audit, "evidence_ref": f"{audit}.pdf"}
            pen.tell(SECRETARIAT, "audit.closed", subject, closed_us, closed, lag_us=MINUTE_US, careful=True)
