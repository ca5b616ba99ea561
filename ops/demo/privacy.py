"""Consents and disclosures of the demonstration, doubts about records, and what room the services had.

A disclosure names the consent it rested on, so that one made after a consent was taken back, or without the notice
that must go with it, can be found.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any, Final

from ops.demo.cast import (
    CRISIS,
    DAY_US,
    DAYS,
    FIRST_DAY,
    HOSPITAL,
    HOUSING,
    LAST_DAY,
    OPEN_DOOR,
    POLICE,
    START_US,
    Voice,
)
from ops.demo.chances import days, office_hour, poisson
from ops.demo.pen import Pen
from ops.demo.people import People

_CONSENTS_PER_DAY: Final = 0.55
_FLAGS_PER_DAY: Final = 0.16
_RULES: Final = (
    ("arrival_before_request", "error"),
    ("closed_twice_otherwise", "warning"),
    ("disposition_without_arrival", "warning"),
    ("code_spelled_otherwise", "info"),
)
_SERVICES: Final = ((HOSPITAL, "observation-beds", 6), (HOUSING, "rapid-rehousing", 4), (CRISIS, "stabilization", 5))


def tell_privacy(pen: Pen, random: Random, people: People, scale: float) -> None:
    """Consents with what was disclosed under them, refusals, and flags over the whole period; capacity every week."""
    consents = flags = 0
    for day in range(DAYS):
        day_us = START_US + day * DAY_US
        for _ in range(poisson(random, _CONSENTS_PER_DAY * scale)):
            consents += 1
            _consent(pen, random, people, f"CS-{consents:05d}", day_us + office_hour(random))
        for _ in range(poisson(random, _FLAGS_PER_DAY * scale)):
            flags += 1
            _flag(pen, random, f"FL-{flags:04d}", day, day_us + office_hour(random))
    for week in range(DAYS // 7):
        _capacity(pen, random, START_US + (week * 7 + 1) * DAY_US + office_hour(random))


def _consent(pen: Pen, random: Random, people: People, consent: str, signed_us: int) -> None:
    person = people.meet(0.5)
    voice, regime = random.choices(((CRISIS, "part2"), (CRISIS, "hipaa"), (HOSPITAL, "hipaa")), (45, 30, 25))[0]
    recipients: list[Voice] = [HOUSING] if random.random() < 0.7 else [HOUSING, OPEN_DOOR]
    signed = FIRST_DAY + timedelta(days=(signed_us - START_US) // DAY_US)
    subject = f"consent/{consent}"
    about = {"consent": consent}
    pen.tell(
        voice,
        "consent.granted",
        subject,
        signed_us,
        {
            **about,
            "person": person.token,
            "regime": regime,
            "disclosers": [voice.agency],
            "recipients": [recipient.agency for recipient in recipients],
            "information": "Dates of contact and what was arranged.",
            "purpose": "Finding a place to live and keeping it.",
            "expires": (signed + timedelta(days=365)).isoformat(),
        },
    )
    ended_us: int | None = None
    draw = random.random()
    if draw < 0.06:
        ended_us = signed_us + days(random, 60.0)
        pen.tell(voice, "consent.revoked", subject, ended_us, about)
    elif draw < 0.40 and len(recipients) > 1:
        narrowed = {**about, "recipients": [HOUSING.agency]}
        pen.tell(voice, "consent.narrowed", subject, signed_us + days(random, 40.0), narrowed)
    for number in range(random.choices((0, 1, 2, 3), (15, 50, 25, 10))[0]):
        told_us = signed_us + days(random, 12.0) * (number + 1)
        if ended_us is not None and told_us > ended_us and random.random() < 0.9:
            _denied(pen, f"{consent}-{number}", voice, told_us, recipients[0], subject)
            continue
        disclosure = f"DI-{consent[3:]}-{number}"
        data: dict[str, Any] = {
            "disclosure": disclosure,
            "person": person.token,
            "recipient": random.choice(recipients).agency,
            "basis": "consent" if random.random() < 0.96 else "exception",
            "basis_ref": consent,
            "notice_attached": regime != "part2" or random.random() < 0.97,
        }
        if data["basis"] == "exception":
            data["basis_ref"] = "42 CFR 2.51" if regime == "part2" else "45 CFR 164.512(j)"
        pen.tell(voice, "disclosure.made", f"disclosure/{disclosure}", told_us, data)


def _denied(pen: Pen, about: str, voice: Voice, at_us: int, asked: Voice, subject: str) -> None:
    denial = f"DE-{about}"
    data = {"denial": denial, "rule": "consent taken back", "recipient": asked.agency, "about": subject}
    pen.tell(voice, "access.denied", f"denial/{denial}", at_us, data)


def _flag(pen: Pen, random: Random, flag: str, day: int, at_us: int) -> None:
    """The police's data desk looks through calls and says what is hard to believe; most of it is cleared up."""
    rule, severity = random.choice(_RULES)
    subject = f"flag/{flag}"
    year = min((FIRST_DAY + timedelta(days=day)).year, LAST_DAY.year)
    about = f"call/C-{year}-{random.randrange(1, 16 * day + 2):06d}"
    data = {"flag": flag, "rule": rule, "severity": severity, "about": about}
    pen.tell(POLICE, "dataquality.flagged", subject, at_us, data)
    if random.random() < 0.72:
        pen.tell(POLICE, "dataquality.resolved", subject, at_us + days(random, 9.0), {"flag": flag})


def _capacity(pen: Pen, random: Random, at_us: int) -> None:
    for voice, service, most in _SERVICES:
        slots = random.randrange(-2, most)
        status = "capacity" if slots > 0 else "waitlist" if slots == 0 else "no_capacity"
        data = {"service": service, "status": status, "slots": max(0, slots)}
        pen.tell(voice, "capacity.reported", f"service/{service}", at_us, data)
