"""Enrollments and assessments of the demonstration's housing programme, in the terms of HMIS.

They are what a housing agency's own system holds; a partnership that wants to know what became of a referral needs
when somebody entered, when they left, and for where.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from ops.demo.cast import END_US, HOUSING
from ops.demo.chances import days
from ops.demo.pen import Pen
from ops.demo.people import Person

_DESTINATIONS: Final = ("410", "421", "435", "116", "30")
"""HMIS 3.12: rental without and with subsidy, subsidised with voucher, not meant for habitation, no exit interview."""
_DESTINATION_WEIGHTS: Final = (24, 30, 22, 9, 15)


class Programmes:
    """Tells enrollments, one at a time."""

    def __init__(self, pen: Pen, random: Random) -> None:
        self._pen = pen
        self._random = random
        self._number = 0

    def enroll(self, referral: str, person: Person, moment_us: int) -> None:
        """Whoever got help is enrolled, half of them assessed before, and most leave again within the period."""
        random = self._random
        if moment_us >= END_US:
            return
        self._number += 1
        enrollment = f"E-{self._number:05d}"
        about: dict[str, Any] = {"enrollment": enrollment, "referral": referral, "person": person.token}
        if random.random() < 0.5:
            assessment = f"AS-{self._number:05d}"
            self._pen.tell(
                HOUSING,
                "assessment.completed",
                f"assessment/{assessment}",
                moment_us - days(random, 2.0),
                {
                    **about,
                    "assessment": assessment,
                    "instrument": "Larkmoor Housing Needs",
                    "version": "2022",
                    "level": random.choices(("low", "moderate", "high"), (18, 47, 35))[0],
                },
            )
        subject = f"enrollment/{enrollment}"
        entered = {**about, "service": "rapid-rehousing"}
        self._pen.tell(HOUSING, "enrollment.started", subject, moment_us, entered)
        left_us = moment_us + days(random, 130.0)
        if left_us < END_US:
            destination = random.choices(_DESTINATIONS, _DESTINATION_WEIGHTS)[0]
            self._pen.tell(
                HOUSING,
                "enrollment.ended",
                subject,
                left_us,
                {"enrollment": enrollment, "destination": destination},
            )
