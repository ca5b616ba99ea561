"""Referrals of the demonstration and the services that follow: asked, answered or not, and how they ended.

Acceptance, closed loops and need met are told by different agencies with different habits; the nonprofit tells
nothing but outcomes, which is all a small partner should have to.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from ops.demo.cast import (
    CRISIS,
    DAY_US,
    DAYS,
    END_US,
    HOSPITAL,
    HOUR_US,
    HOUSING,
    OPEN_DOOR,
    SCHOOLS,
    START_US,
    Voice,
)
from ops.demo.chances import days, office_hour, poisson
from ops.demo.pen import Pen
from ops.demo.people import People, Person
from ops.demo.programmes import Programmes

_TARGETS: Final = (HOUSING, OPEN_DOOR, CRISIS, HOSPITAL)
_TARGET_WEIGHTS: Final = (38, 30, 24, 8)
_NEED_OF: Final = {
    HOUSING.agency: "housing",
    OPEN_DOOR.agency: "food",
    CRISIS.agency: "counseling",
    HOSPITAL.agency: "detox",
}
_SERVICE_OF: Final = {
    HOUSING.agency: "housing-navigation",
    OPEN_DOOR.agency: "food-and-rides",
    CRISIS.agency: "stabilization",
    HOSPITAL.agency: "withdrawal-management",
}
_OWN_PER_DAY: Final = ((HOSPITAL, 1.5), (SCHOOLS, 1.1), (HOUSING, 0.4))
"""Referrals that begin without a crisis call, a day."""
_WALK_INS_PER_DAY: Final = ((OPEN_DOOR, 5.2), (HOUSING, 2.1), (SCHOOLS, 1.2))


_NEVER_TOLD: Final = 0.004
"""Referrals whose request the requester never put into its own system: only the other half is heard of."""
_NOT_OURS: Final = 0.012
"""Referrals of which the target says that it was never asked."""
_NAMED: Final = 0.45
"""Services for a referral whose provider names the agency that is to confirm them; otherwise the referral does."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A referral, with both its sides and the person."""

    referral: str
    requester: Voice
    target: Voice
    at_us: int
    person: Person

    @property
    def subject(self) -> str:
        return f"referral/{self.referral}"


class Referrals:
    """Tells referrals, one at a time, and the services delivered for them."""

    def __init__(self, pen: Pen, random: Random, people: People, programmes: Programmes) -> None:
        self._pen = pen
        self._random = random
        self._people = people
        self._programmes = programmes
        self._number = 0
        self._deliveries = 0

    def tell(
        self, requester: Voice, moment_us: int, channel: str, call: str | None, person: Person | None = None
    ) -> None:
        """One referral asked for by ``requester``, with everything that follows from it."""
        random = self._random
        if moment_us >= END_US:
            return
        self._number += 1
        referral = f"R-{self._number:06d}"
        targets = [voice for voice in _TARGETS if voice is not requester]
        weights = [weight for voice, weight in zip(_TARGETS, _TARGET_WEIGHTS, strict=True) if voice is not requester]
        target = random.choices(targets, weights)[0]
        person = person or self._people.meet(1 / 6)
        data: dict[str, Any] = {
            "referral": referral,
            "requester": requester.agency,
            "target": target.agency,
            "need": _NEED_OF[target.agency],
            "urgency": "urgent" if random.random() < 0.2 else "routine",
            "channel": channel,
            "person": person.token,
            "person_group": person.group,
        }
        if call is not None:
            data["part_of"] = call
        if random.random() >= _NEVER_TOLD:
            self._pen.tell(requester, "referral.requested", f"referral/{referral}", moment_us, data)
        self._answer(_Asked(referral, requester, target, moment_us, person))

    def _answer(self, asked: _Asked) -> None:
        random, pen, subject = self._random, self._pen, asked.subject
        referral, target, asked_us = asked.referral, asked.target, asked.at_us
        done = (asked_us - START_US) / (END_US - START_US)
        about = {"referral": referral}
        if target is OPEN_DOOR:
            # What it can keep up with: that it took the referral on, and later three fields on how it ended.
            if random.random() < 0.86:
                pen.tell(target, "referral.accepted", subject, asked_us + days(random, 2.0), about)
                if random.random() < 0.86:
                    self._complete(asked, asked_us + days(random, 14.0), done)
            return
        if random.random() < _NOT_OURS:
            reason = random.choice(("We have no such request on file.", "It was asked of another agency."))
            pen.tell(target, "referral.disputed", subject, asked_us + days(random, 6.0), {**about, "reason": reason})
            return
        if random.random() < 0.85:
            pen.tell(target, "referral.received", subject, asked_us + days(random, 0.6), about)
        draw = random.random()
        answered_us = asked_us + days(random, 2.4 - 0.8 * done)
        if draw < 0.13:
            # Never answered: it lapses, and the requester mostly tidies it away in the end.
            if random.random() < 0.75:
                pen.tell(asked.requester, "referral.withdrawn", subject, asked_us + days(random, 34.0), about)
            return
        if draw < 0.30 - 0.05 * done:
            reason = random.choices(
                ("no_capacity", "not_eligible", "out_of_area", "duplicate", "other"), (55, 22, 9, 6, 8)
            )[0]
            pen.tell(target, "referral.declined", subject, answered_us, {**about, "reason": reason})
            return
        if draw < 0.33:
            pen.tell(target, "referral.withdrawn", subject, answered_us, about)
            return
        pen.tell(target, "referral.accepted", subject, answered_us, about)
        begin_us = answered_us
        if random.random() < 0.10:
            pen.tell(target, "referral.on_hold", subject, answered_us + HOUR_US, {**about, "waitlist": True})
            begin_us += days(random, 18.0)
        if random.random() < 0.62:
            begin_us += days(random, 5.0)
            pen.tell(target, "appointment.scheduled", subject, begin_us, about)
            draw = random.random()
            if draw < 0.03:
                pen.tell(target, "appointment.cancelled", subject, begin_us, about)
                begin_us += days(random, 3.0)
            elif draw < 0.19:
                begin_us += days(random, 4.0)
                pen.tell(target, "appointment.missed", subject, begin_us, about)
        ending = random.random()
        if ending < 0.66 + 0.10 * done:
            self._complete(asked, begin_us + days(random, 14.0 - 3.0 * done), done)
        elif ending < 0.88:
            reason = random.choices(
                ("could_not_contact", "client_declined", "no_longer_interested", "other"), (48, 27, 17, 8)
            )[0]
            pen.tell(target, "referral.failed", subject, begin_us + days(random, 12.0), {**about, "reason": reason})
        elif random.random() < 0.7:
            closed_us = begin_us + days(random, 50.0)
            pen.tell(target, "referral.failed", subject, closed_us, {**about, "reason": "other"})

    def _complete(self, asked: _Asked, moment_us: int, done: float) -> None:
        random, pen = self._random, self._pen
        referral, target = asked.referral, asked.target
        helped = 0.62 + 0.06 * done - (0.12 if asked.person.young else 0.0)
        outcome = random.choices(("got_help", "partly", "not"), (helped, 0.24, 0.76 - helped))[0]
        data = {"referral": referral, "outcome": outcome}
        if target is not OPEN_DOOR:
            data["service"] = _SERVICE_OF[target.agency]
        pen.tell(target, "referral.completed", f"referral/{referral}", moment_us, data)
        if outcome != "not":
            for visit in range(random.choices((1, 2, 3, 4), (40, 30, 20, 10))[0]):
                self._deliver(target, moment_us + visit * 7 * DAY_US, asked)
            if target is HOUSING:
                self._programmes.enroll(referral, asked.person, moment_us)
        if random.random() < 0.24:
            # The client, asked by the crisis team, confirms the outcome or does not.
            self._pen.tell(
                CRISIS,
                "referral.outcome_confirmed",
                f"referral/{referral}",
                moment_us + days(random, 9.0),
                {
                    "referral": referral,
                    "by": "client",
                    "agrees": random.random() < 0.87,
                },
            )

    def tell_own(self, scale: float) -> None:
        """Referrals that begin without a call, and services to people nobody referred, over the whole period."""
        random = self._random
        for day in range(DAYS):
            day_us = START_US + day * DAY_US
            term = day % 365 < 160 or day % 365 > 240
            for voice, expected in _OWN_PER_DAY:
                if voice is SCHOOLS and (not term or (day + 6) % 7 >= 5):
                    continue
                for _ in range(poisson(random, expected * scale)):
                    self.tell(voice, day_us + office_hour(random), "direct", None)
            for voice, expected in _WALK_INS_PER_DAY:
                if voice is SCHOOLS and (not term or (day + 6) % 7 >= 5):
                    continue
                for _ in range(poisson(random, expected * scale)):
                    self._deliver(voice, day_us + office_hour(random), None)

    def _deliver(self, voice: Voice, moment_us: int, asked: _Asked | None) -> None:
        random = self._random
        if moment_us >= END_US:
            return
        self._deliveries += 1
        delivery = f"D-{self._deliveries:06d}"
        service = _SERVICE_OF.get(voice.agency, "school-counseling")
        data: dict[str, Any] = {"delivery": delivery, "service": service, "units": 1}
        if asked is not None:
            data["referral"] = asked.referral
        if voice is not OPEN_DOOR:
            data["minutes"] = 15 * random.randrange(1, 7)
            if asked is not None:
                data |= {"person": asked.person.token, "person_group": asked.person.group}
        if asked is not None and random.random() < _NAMED:
            data["for_agency"] = asked.requester.agency
        self._pen.tell(voice, "service.delivered", f"delivery/{delivery}", moment_us, data)
        if asked is not None:
            self._confirm(asked.requester, delivery, moment_us)

    def _confirm(self, requester: Voice, delivery: str, delivered_us: int) -> None:
        """The agency that asked says whether it was done: mostly, sometimes late, sometimes not at all."""
        random, pen, subject = self._random, self._pen, f"delivery/{delivery}"
        about: dict[str, Any] = {"delivery": delivery}
        draw = random.random()
        if draw < 0.025:
            reason = "The person told us that nobody came."
            pen.tell(
                requester, "service.disputed", subject, delivered_us + days(random, 8.0), {**about, "reason": reason}
            )
        elif draw < 0.84:
            late_us = 30 * DAY_US if draw < 0.07 else 0
            if draw > 0.80:
                about["units"] = 1
            pen.tell(requester, "service.confirmed", subject, delivered_us + late_us + days(random, 4.0), about)
