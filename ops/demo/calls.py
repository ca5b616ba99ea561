"""Crisis calls of the demonstration: who called, who was sent, how it ended.

The shares are published ones (B-HEARD's eligibility and unexplained non-service, Lane County's dispositions and time
to arrival) and drift slowly, so that three years of a partnership show seasons, progress and things that did not get
better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, exp, log, pi
from random import Random
from typing import Final

from ops.demo import cast
from ops.demo.aftermath import Aftermath
from ops.demo.arrests import Arrests
from ops.demo.cast import CRISIS, DAY_US, DAYS, HOUR_US, MINUTE_US, POLICE, START_US, Voice
from ops.demo.chances import poisson
from ops.demo.pen import Pen
from ops.demo.people import People, Person
from ops.demo.referrals import Referrals

CALLS_PER_DAY: Final = 15.3
_HOURS: Final = (3, 2, 2, 1, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 8, 7, 6, 5, 4)
"""Calls by local hour, in proportion."""
_NEEDS: Final = (
    "agitation",
    "suicidality",
    "disorganized_behavior",
    "difficulty_functioning",
    "risk_of_harm",
    "substance_use",
    "paranoia",
    "interpersonal",
    "trauma",
)
_NEED_WEIGHTS: Final = (32, 15, 14, 12, 9, 7, 5, 4, 2)
_DISCIPLINES: Final = ("behavioural_health", "police", "ems", "fire", "other")
_DISCIPLINE_WEIGHTS: Final = (83, 11, 4, 0.5, 1.5)
_MET_AGAIN: Final = 0.22
_AROUND_THE_CLOCK_FROM: Final = 547
"""Day of the simulation (2024-07-01) from which the crisis team works nights as well; before, 08:00 to midnight."""


@dataclass(frozen=True, slots=True)
class Tellers:
    """Who tells what follows from a call."""

    people: People
    referrals: Referrals
    arrests: Arrests
    aftermath: Aftermath


def tell_calls(pen: Pen, random: Random, scale: float, tellers: Tellers) -> None:
    """Every call of the period. ``scale`` multiplies the daily number."""
    number = 0
    for day in range(DAYS):
        for _ in range(_how_many(random, day, scale)):
            number += 1
            _Call(pen, random, day, number, tellers).tell()


def _how_many(random: Random, day: int, scale: float) -> int:
    """Calls of one day: more in summer, on Fridays and Saturdays, and a little more each year."""
    season = 1.0 + 0.14 * cos(2 * pi * ((day % 365) - 200) / 365)
    weekday = (day + 6) % 7  # 2023-01-01 was a Sunday
    week = 1.12 if weekday in (4, 5) else 0.96
    expected = CALLS_PER_DAY * scale * season * week * (0.95 + 0.1 * day / DAYS)
    return poisson(random, expected)


class _Call:
    """One call, from the ring to the end."""

    def __init__(self, pen: Pen, random: Random, day: int, number: int, tellers: Tellers) -> None:
        self._pen = pen
        self._random = random
        self._tellers = tellers
        self._day = day
        self._done = day / DAYS
        self._hour = random.choices(range(24), _HOURS)[0]
        self._received_us = (
            START_US + day * DAY_US + self._hour * HOUR_US + int(random.random() * HOUR_US) // 1_000_000 * 1_000_000
        )
        year = cast.FIRST_DAY.year + day // 365
        self._call = f"C-{min(year, cast.LAST_DAY.year)}-{number:06d}"
        self._subject = f"call/{self._call}"

    def tell(self) -> None:
        random, pen = self._random, self._pen
        needs = list(dict.fromkeys(random.choices(_NEEDS, _NEED_WEIGHTS, k=1 if random.random() < 0.6 else 2)))
        pen.tell(
            POLICE,
            "call.received",
            self._subject,
            self._received_us,
            {
                "call": self._call,
                "psap": "larkmoor-psap",
                "channel": _pick(random, ("911", "non_emergency", "988", "self_initiated"), (62, 18, 14, 6)),
                "discipline": _pick(random, _DISCIPLINES, _DISCIPLINE_WEIGHTS),
                "local_code": _pick(random, ("MHC", "WELF", "SUI", "DIST"), (44, 27, 17, 12)),
                "priority": _pick(random, ("1", "2", "3"), (20, 55, 25)),
                "needs": needs,
            },
        )
        triaged = self._triage()
        if triaged == "eligible":
            self._eligible()
        elif random.random() < 0.86:
            self._police()

    def _triage(self) -> str:
        """Calls nobody triaged fell from 30 to 13 in a hundred; half of them are said to be untriaged, half are
        silence.
        """
        random = self._random
        draw = random.random()
        untriaged = 0.30 - 0.17 * self._done
        if draw < untriaged:
            if draw < untriaged / 2:
                self._triaged("not_triaged", None)
            return "not_triaged"
        if draw < untriaged + (1 - untriaged) * 0.58:
            self._triaged("eligible", None)
            return "eligible"
        self._triaged("ineligible", _pick(random, ("weapon", "violence", "medical"), (30, 38, 32)))
        return "ineligible"

    def _triaged(self, eligibility: str, reason: str | None) -> None:
        data = {"call": self._call, "eligibility": eligibility}
        if reason is not None:
            data["reason"] = reason
        self._pen.tell(POLICE, "call.triaged", self._subject, self._received_us + self._minutes(1, 6), data)

    def _eligible(self) -> None:
        random = self._random
        staffed = self._day >= _AROUND_THE_CLOCK_FROM or self._hour >= 8
        served = (0.62 + 0.17 * self._done) if staffed else 0.0
        if random.random() < served:
            self._team()
            return
        # B-HEARD kept no reason for 35 % of eligible calls that were not served.
        if random.random() < 0.66 + 0.20 * self._done:
            reason = (
                "out_of_hours"
                if not staffed
                else _pick(random, ("no_unit", "geography", "safety", "other"), (62, 16, 14, 8))
            )
            self._pen.tell(
                CRISIS,
                "response.not_sent",
                self._subject,
                self._received_us + self._minutes(4, 20),
                {
                    "call": self._call,
                    "reason": reason,
                },
            )
        if random.random() < 0.7:
            self._police()

    def _team(self) -> None:
        """A civilian or co-response team goes; median request to arrival falls from 35 to 26 minutes."""
        random, pen = self._random, self._pen
        person = self._tellers.people.meet(_MET_AGAIN)
        team = "civilian" if random.random() < 0.72 else "co_response"
        total = exp(random.gauss(log(35.0 - 9.0 * self._done), 0.62))
        dispatched_us = self._received_us + int(total * (0.2 + 0.3 * random.random()) * MINUTE_US)
        arrived_us = self._received_us + int(total * MINUTE_US)
        who = {"call": self._call, "team": team}
        pen.tell(
            POLICE,
            "response.dispatched",
            self._subject,
            dispatched_us,
            {**who, "units": [f"MCT{random.randrange(1, 7)}"]},
        )
        if random.random() < 0.04:
            self._close(CRISIS, dispatched_us + self._minutes(5, 30), "other", "cancelled", None)
            return
        pen.tell(CRISIS, "response.arrived", self._subject, arrived_us, who)
        if random.random() < 0.024:
            pen.tell(CRISIS, "response.backup_requested", self._subject, arrived_us + self._minutes(2, 15), who)
            if random.random() < 0.08:
                self._tellers.aftermath.force(self._call, arrived_us + self._minutes(15, 30), person)
        minutes = int(exp(random.gauss(log(34.0), 0.7)))
        closed_us = arrived_us + minutes * MINUTE_US
        if random.random() < 0.86:
            pen.tell(
                CRISIS,
                "encounter.engaged",
                self._subject,
                arrived_us + self._minutes(0, 7),
                {"call": self._call, "person": person.token},
            )
            attempt = "engaged"
        else:
            attempt = _pick(random, ("unable_to_locate", "refused"), (55, 45))
        emergency = 0.155 - 0.03 * self._done
        disposition = _pick(
            random,
            (
                "remained_in_community",
                "emergency_department",
                "sobering",
                "walk_in_center",
                "respite",
                "arrest",
                "declined",
                "other",
            ),
            (0.795, emergency, 0.016, 0.022, 0.010, 0.0034, 0.010, 0.012),
        )
        owed = attempt == "engaged" and random.random() < 0.5
        self._close(CRISIS, closed_us, disposition, attempt, minutes, person=person, follow_up=owed)
        if owed:
            self._tellers.aftermath.follow_up(self._call, closed_us, self._done)
        if disposition == "arrest":
            self._tellers.arrests.tell(closed_us, self._call, person)
        if disposition == "remained_in_community" and random.random() < 0.012:
            # The police closed the same call otherwise; both accounts stay in the ledger.
            self._close(POLICE, closed_us + self._minutes(3, 90), "emergency_department", None, None)
        if attempt == "engaged" and random.random() < 0.52:
            channel = "warm_handoff" if random.random() < 0.35 else "direct"
            self._tellers.referrals.tell(CRISIS, closed_us + self._minutes(20, 1500), channel, self._call, person)

    def _police(self) -> None:
        random, pen = self._random, self._pen
        total = exp(random.gauss(log(25.0), 0.6))
        arrived_us = self._received_us + int(total * MINUTE_US)
        who = {"call": self._call, "team": "police"}
        pen.tell(
            POLICE,
            "response.dispatched",
            self._subject,
            self._received_us + int(total * 0.3 * MINUTE_US),
            who,
        )
        pen.tell(POLICE, "response.arrived", self._subject, arrived_us, who)
        if random.random() < 0.55:
            minutes = int(exp(random.gauss(log(26.0), 0.6)))
            disposition = _pick(
                random,
                ("remained_in_community", "emergency_department", "sobering", "arrest", "declined", "other"),
                (0.74, 0.165 - 0.02 * self._done, 0.02, 0.026 - 0.012 * self._done, 0.03, 0.02),
            )
            person = self._tellers.people.meet(_MET_AGAIN) if random.random() < 0.6 else None
            self._close(POLICE, arrived_us + minutes * MINUTE_US, disposition, None, minutes, person=person)
            if random.random() < 0.006 - 0.003 * self._done:
                self._tellers.aftermath.force(self._call, arrived_us + self._minutes(1, 10), person)
            if disposition == "arrest":
                self._tellers.arrests.tell(arrived_us + minutes * MINUTE_US, self._call, person)
            if random.random() < 0.06:
                asked_us = arrived_us + self._minutes(60, 2000)
                self._tellers.referrals.tell(POLICE, asked_us, "informational", self._call, person)

    def _close(
        self,
        voice: Voice,
        moment_us: int,
        disposition: str,
        attempt: str | None,
        minutes: int | None,
        *,
        person: Person | None = None,
        follow_up: bool | None = None,
    ) -> None:
        data: dict[str, str | int] = {"call": self._call, "disposition": disposition}
        if person is not None:
            data |= {"person": person.token, "person_group": person.group}
        if follow_up is not None:
            data["follow_up"] = follow_up
        if attempt is not None:
            data["attempt_outcome"] = attempt
        if minutes is not None:
            data["minutes_on_scene"] = minutes
        self._pen.tell(voice, "encounter.closed", self._subject, moment_us, data)

    def _minutes(self, least: float, greatest: float) -> int:
        return int((least + self._random.random() * (greatest - least)) * MINUTE_US)


def _pick(random: Random, choices: Sequence[str], weights: Sequence[float]) -> str:
    return random.choices(choices, weights)[0]
