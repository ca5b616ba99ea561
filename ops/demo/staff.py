"""The staff of the demonstration: how many there are, who holds a certificate, what was taught to whom.

The organiser of a training counts everybody who came; each agency then says the same of its own people, or something
else, or nothing.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any, Final

from ops.demo.cast import CRISIS, DAY_US, HOSPITAL, HOUSING, OPEN_DOOR, POLICE, SCHOOLS, Voice
from ops.demo.chances import days
from ops.demo.pen import Pen
from ops.demo.plan import moment_us

_ROLES: Final = (
    (POLICE, "patrol", 84, 0.2),
    (POLICE, "all", 131, 0.25),
    (CRISIS, "clinician", 18, 0.22),
    (CRISIS, "all", 27, 0.3),
    (HOSPITAL, "all", 64, 0.0),
    (HOUSING, "all", 38, 0.05),
    (SCHOOLS, "all", 46, 0.0),
)
"""(who, role, people at the beginning, how many more each month)."""
_STAFF: Final = {POLICE: 131, CRISIS: 27, HOSPITAL: 64, HOUSING: 38, SCHOOLS: 46, OPEN_DOOR: 12}

_COURSES: Final = (
    ("cit-40", "cit", 40.0, CRISIS, ((POLICE, 14), (CRISIS, 3)), (2, 5, 9, 11)),
    ("de-escalation", "simulation", 8.0, POLICE, ((POLICE, 22), (CRISIS, 6), (HOSPITAL, 5)), (3, 10)),
    (
        "consent-and-privacy",
        "legal_ethical",
        3.0,
        HOSPITAL,
        ((HOSPITAL, 9), (CRISIS, 7), (HOUSING, 6), (SCHOOLS, 5), (OPEN_DOOR, 2), (POLICE, 8)),
        (4,),
    ),
    ("one-call-many-doors", "scenario", 6.0, HOUSING, ((HOUSING, 10), (OPEN_DOOR, 4), (CRISIS, 5)), (6,)),
    ("culture-and-care", "cultural_competence", 4.0, SCHOOLS, ((SCHOOLS, 14), (HOUSING, 5), (POLICE, 10)), (1, 8)),
    ("firearms-refresher", "workshop", 8.0, POLICE, ((POLICE, 40),), (1,)),
)
"""(course, kind, hours, organiser, who comes and how many about, months of the year)."""


def tell_staff(pen: Pen, random: Random) -> None:
    """Staffing month by month, certificates, trainings with both their halves, and co-located staff."""
    for year in (2023, 2024, 2025):
        for month in range(1, 13):
            _staffing(pen, random, year, month)
    _certificates(pen, random)
    number = 0
    for year in (2023, 2024, 2025):
        for course, kind, hours, organiser, coming, months in _COURSES:
            for month in months:
                number += 1
                held = date(year, month, random.randrange(3, 27))
                data = {"training": f"T-{number:03d}", "course": course, "kind": kind, "hours": hours}
                _train(pen, random, data, organiser, coming, held)
    _colocations(pen)


def _token(voice: Voice, number: int) -> str:
    return f"st-{voice.agency}-{number:03d}"


def _staffing(pen: Pen, random: Random, year: int, month: int) -> None:
    """Told in the first days of the following month."""
    period = f"{year}-{month:02d}"
    told_us = moment_us(date(year + month // 12, month % 12 + 1, 1))
    passed = (year - 2023) * 12 + month - 1
    for voice, role, people, more in _ROLES:
        headcount = people + int(more * passed) + random.randrange(-1, 2)
        subject = f"staffing/{voice.agency}/{role}/{period}"
        data = {"agency": voice.agency, "role": role, "period": period, "headcount": headcount}
        pen.tell(voice, "staffing.reported", subject, told_us + random.randrange(1, 9) * DAY_US, data)


def _certificates(pen: Pen, random: Random) -> None:
    """Crisis intervention certificates of patrol: a third at the beginning, about six in ten at the end."""
    number = 0
    for officer in range(84):
        begins = date(2023, 1, 20) if officer < 28 else date(2023, 3, 1) + timedelta(days=random.randrange(1000))
        if officer >= 64:
            continue
        earned = begins
        while earned < date(2025, 12, 20):
            number += 1
            certification = f"CE-{number:04d}"
            expires = earned + timedelta(days=730)
            data = {
                "certification": certification,
                "staff": _token(POLICE, officer),
                "kind": "cit",
                "role": "patrol",
                "expires": expires.isoformat(),
            }
            pen.tell(POLICE, "certification.earned", f"certification/{certification}", moment_us(earned), data)
            if random.random() < 0.06:
                # Whoever leaves the service, or fails the refresher, holds it no longer.
                ended_us = moment_us(earned + timedelta(days=random.randrange(200, 700)))
                about = {"certification": certification}
                pen.tell(POLICE, "certification.expired", f"certification/{certification}", ended_us, about)
                break
            if random.random() < 0.15:
                break
            earned = expires - timedelta(days=random.randrange(-40, 60))


def _train(
    pen: Pen,
    random: Random,
    data: dict[str, Any],
    organiser: Voice,
    coming: tuple[tuple[Voice, int], ...],
    held: date,
) -> None:
    came = {voice: max(1, people + random.randrange(-2, 3)) for voice, people in coming}
    staff = {
        voice.agency: [_token(voice, number) for number in sorted(random.sample(range(_STAFF[voice]), count))]
        for voice, count in came.items()
        if voice is not OPEN_DOOR
    }
    told = {
        **data,
        "attendees_by_agency": {voice.agency: count for voice, count in came.items()},
        "staff_by_agency": staff,
    }
    subject = f"training/{data['training']}"
    ended_us = moment_us(held, 22)
    pen.tell(organiser, "training.held", subject, ended_us, told)
    about = {"training": data["training"]}
    for voice, count in came.items():
        if voice is organiser:
            continue
        draw = random.random()
        answered_us = ended_us + days(random, 5.0) + (45 * DAY_US if 0.80 <= draw < 0.86 else 0)
        if draw < 0.05:
            reason = "Some of those who are listed were on duty that day."
            pen.tell(voice, "training.disputed", subject, answered_us, {**about, "reason": reason})
        elif draw < 0.86:
            counted = count - 1 if draw < 0.10 and count > 1 else count
            pen.tell(voice, "training.confirmed", subject, answered_us, {**about, "attendees": counted})


def _colocations(pen: Pen) -> None:
    """Clinicians at dispatch and in two schools; one of the schools gave its room up again."""
    for number, (voice, site, host, fte, begins, ends) in enumerate(
        (
            (CRISIS, "Larkmoor dispatch centre", POLICE, 1.5, date(2023, 6, 1), None),
            (CRISIS, "Moor Lane High School", SCHOOLS, 0.5, date(2023, 9, 4), date(2025, 6, 13)),
            (HOUSING, "St. Aldhelm emergency department", HOSPITAL, 1.0, date(2024, 4, 1), None),
        ),
        start=1,
    ):
        colocation = f"CO-{number}"
        subject = f"colocation/{colocation}"
        data = {"colocation": colocation, "site": site, "host": host.agency, "fte": fte}
        pen.tell(voice, "colocation.started", subject, moment_us(begins), data)
        if ends is not None:
            pen.tell(voice, "colocation.ended", subject, moment_us(ends), {"colocation": colocation})
