"""Referrals of the demonstration and the services that follow: asked, answered or not, and how they ended.

Acceptance, closed loops and need met are told by different agencies with different habits; the nonprofit tells
nothing but outcomes, which is all a small partner should have to.
"""

from __future__ import annotations

from math import exp, log
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
from ops.demo.pen import Pen

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


class Referrals:
    """Tells referrals, one at a time, and the services delivered for them."""

    def __init__(self, pen: Pen, random: Random) -> None:
        self._pen = pen
        self._random = random
        self._number = 0
        self._deliveries = 0
        self._people = 0

    def tell(self, requester: Voice, moment_us: int, channel: str, call: str | None) -> None:
        """One referral asked for by ``requester``, with everything that follows from it."""
        random = self._random
        if moment_us >= END_US:
            return
        self._number += 1
        referral = f"R-{self._number:06d}"
        targets = [voice for voice in _TARGETS if voice is not requester]
        weights = [weight for voice, weight in zip(_TARGETS, _TARGET_WEIGHTS, strict=True) if voice is not requester]
        target = random.choices(targets, weights)[0]
        data: dict[str, Any] = {
            "referral": referral,
            "requester": requester.agency,
            "target": target.agency,
            "need": _NEED_OF[target.agency],
            "urgency": "urgent" if random.random() < 0.2 else "routine",
            "channel": channel,
            "person": self._person(),
        }
        if call is not None:
            data["part_of"] = call
        self._pen.tell(requester, "referral.requested", f"referral/{referral}", moment_us, data)
        self._answer(referral, target, moment_us)

    def _answer(self, referral: str, target: Voice, asked_us: int) -> None:
        random, pen, subject = self._random, self._pen, f"referral/{referral}"
        done = (asked_us - START_US) / (END_US - START_US)
        about = {"referral": referral}
        if target is OPEN_DOOR:
            # What it can keep up with: that it took the referral on, and later three fields on how it ended.
            if random.random() < 0.86:
                pen.tell(target, "referral.accepted", subject, asked_us + self._days(2.0), about)
                if random.random() < 0.86:
                    self._complete(referral, target, asked_us + self._days(14.0), done)
            return
        if random.random() < 0.85:
            pen.tell(target, "referral.received", subject, asked_us + self._days(0.6), about)
        draw = random.random()
        answered_us = asked_us + self._days(2.4 - 0.8 * done)
        if draw < 0.13:
            return  # never answered: it lapses
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
            begin_us += self._days(18.0)
        if random.random() < 0.62:
            begin_us += self._days(5.0)
            pen.tell(target, "appointment.scheduled", subject, begin_us, about)
            if random.random() < 0.16:
                begin_us += self._days(4.0)
                pen.tell(target, "appointment.missed", subject, begin_us, about)
        ending = random.random()
        if ending < 0.66 + 0.10 * done:
            self._complete(referral, target, begin_us + self._days(14.0 - 3.0 * done), done)
        elif ending < 0.88:
            reason = random.choices(
                ("could_not_contact", "client_declined", "no_longer_interested", "other"), (48, 27, 17, 8)
            )[0]
            pen.tell(target, "referral.failed", subject, begin_us + self._days(12.0), {**about, "reason": reason})

    def _complete(self, referral: str, target: Voice, moment_us: int, done: float) -> None:
        random, pen = self._random, self._pen
        outcome = random.choices(("got_help", "partly", "not"), (0.62 + 0.06 * done, 0.24, 0.14 - 0.04 * done))[0]
        data = {"referral": referral, "outcome": outcome}
        if target is not OPEN_DOOR:
            data["service"] = _SERVICE_OF[target.agency]
        pen.tell(target, "referral.completed", f"referral/{referral}", moment_us, data)
        if outcome != "not":
            for visit in range(random.choices((1, 2, 3, 4), (40, 30, 20, 10))[0]):
                self._deliver(target, moment_us + visit * 7 * DAY_US, referral)
        if random.random() < 0.24:
            # The client, asked by the crisis team, confirms the outcome or does not.
            self._pen.tell(
                CRISIS,
                "referral.outcome_confirmed",
                f"referral/{referral}",
                moment_us + self._days(9.0),
                {
                    "referral": referral,
                    "by": "client",
                    "agrees": random.random() < 0.87,
                },
            )

    def tell_own(self, scale: float, poisson: Any) -> None:
        """Referrals that begin without a call, and services to people nobody referred, over the whole period."""
        random = self._random
        for day in range(DAYS):
            day_us = START_US + day * DAY_US
            term = day % 365 < 160 or day % 365 > 240
            for voice, expected in _OWN_PER_DAY:
                if voice is SCHOOLS and (not term or (day + 6) % 7 >= 5):
                    continue
                for _ in range(poisson(random, expected * scale)):
                    self.tell(voice, day_us + self._office_hour(), "direct", None)
            for voice, expected in _WALK_INS_PER_DAY:
                if voice is SCHOOLS and (not term or (day + 6) % 7 >= 5):
                    continue
                for _ in range(poisson(random, expected * scale)):
                    self._deliver(voice, day_us + self._office_hour(), None)

    def _deliver(self, voice: Voice, moment_us: int, referral: str | None) -> None:
        if moment_us >= END_US:
            return
        self._deliveries += 1
        delivery = f"D-{self._deliveries:06d}"
        service = _SERVICE_OF.get(voice.agency, "school-counseling")
        data: dict[str, Any] = {"delivery": delivery, "service": service, "units": 1}
        if referral is not None:
            data["referral"] = referral
        if voice is not OPEN_DOOR:
            data["minutes"] = 15 * self._random.randrange(1, 7)
        self._pen.tell(voice, "service.delivered", f"delivery/{delivery}", moment_us, data)

    def _person(self) -> str:
        """A keyed token, as a partnership's linkage would hand out; one in six belongs to someone met before."""
        if self._people and self._random.random() < 1 / 6:
            return f"tok-{self._random.randrange(self._people):06x}"
        self._people += 1
        return f"tok-{self._people - 1:06x}"

    def _office_hour(self) -> int:
        return int((8 + 9 * self._random.random()) * 3600) * 1_000_000

    def _days(self, median: float) -> int:
        """Log-normal days around a median, in whole seconds as microseconds."""
        return int(exp(self._random.gauss(log(median), 0.75)) * 86_400) * 1_000_000
