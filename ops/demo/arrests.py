"""Arrests of the demonstration, and who of those arrested was offered a programme instead.

The police state the arrest and whether the partnership's rule would let it be diverted, the crisis team what was
offered and answered, so the share diverted rests on two agencies' words.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from ops.demo.cast import CRISIS, DAY_US, DAYS, END_US, HOUR_US, POLICE, START_US
from ops.demo.chances import days, poisson
from ops.demo.pen import Pen
from ops.demo.people import People, Person

_OWN_PER_DAY: Final = 0.75
"""Arrests of people with behavioural-health needs that did not begin with a crisis call, a day."""
_CHARGES: Final = ("misdemeanor", "infraction", "felony", "other")
_CHARGE_WEIGHTS: Final = (58, 14, 20, 8)
_RE_ARRESTED: Final = 0.24


class Arrests:
    """Tells arrests, one at a time, and what was offered after them."""

    def __init__(self, pen: Pen, random: Random, people: People) -> None:
        self._pen = pen
        self._random = random
        self._people = people
        self._number = 0
        self._earlier: list[Person] = []

    def tell(self, moment_us: int, call: str | None, person: Person | None) -> None:
        """One arrest; without a person, somebody new or somebody who was arrested before."""
        random, pen = self._random, self._pen
        if moment_us >= END_US:
            return
        person = person or self._somebody()
        self._number += 1
        arrest = f"A-{self._number:05d}"
        subject = f"arrest/{arrest}"
        charge = random.choices(_CHARGES, _CHARGE_WEIGHTS)[0]
        divertible = charge in ("misdemeanor", "infraction") and random.random() < 0.78
        data: dict[str, Any] = {
            "arrest": arrest,
            "charge_class": charge,
            "divertible": divertible,
            "person": person.token,
            "person_group": person.group,
        }
        if call is not None:
            data["call"] = call
        pen.tell(POLICE, "arrest.made", subject, moment_us, data)
        diverted = divertible and self._offer(arrest, subject, moment_us, person)
        # Whoever was diverted comes back half as often.
        self._earlier += [person] if diverted else [person, person]

    def _offer(self, arrest: str, subject: str, arrested_us: int, person: Person) -> bool:
        random, pen = self._random, self._pen
        done = (arrested_us - START_US) / (END_US - START_US)
        if random.random() > 0.55 + 0.30 * done:
            return False
        offered_us = arrested_us + days(random, 1.2)
        offer = {"arrest": arrest, "program": "larkmoor-diversion", "person": person.token}
        pen.tell(CRISIS, "diversion.offered", subject, offered_us, offer)
        answered_us = offered_us + days(random, 2.5)
        draw = random.random()
        if draw < 0.70:
            pen.tell(CRISIS, "diversion.accepted", subject, answered_us, {"arrest": arrest})
        elif draw < 0.92:
            reason = random.choice(("prefers_hearing", "programme_too_far", "no_reason_given"))
            pen.tell(CRISIS, "diversion.declined", subject, answered_us, {"arrest": arrest, "reason": reason})
        return draw < 0.70

    def tell_own(self, scale: float) -> None:
        """Arrests that did not begin with a crisis call, over the whole period."""
        random = self._random
        for day in range(DAYS):
            for _ in range(poisson(random, _OWN_PER_DAY * scale)):
                self.tell(START_US + day * DAY_US + int(24 * random.random()) * HOUR_US, None, None)

    def _somebody(self) -> Person:
        if self._earlier and self._random.random() < _RE_ARRESTED:
            return self._random.choice(self._earlier)
        return self._people.meet(0.1)
