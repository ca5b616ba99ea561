"""What comes after an encounter of the demonstration: the call back, and the report of force where force was used.

Who is owed a call back is said when the encounter closes; whether it came, and how soon, only by the call back
itself.
"""

from __future__ import annotations

from math import exp, log
from random import Random
from typing import Any, Final

from ops.demo.cast import CRISIS, HOUR_US, POLICE
from ops.demo.pen import Pen
from ops.demo.people import Person

_FORCE_KINDS: Final = ("physical_hold", "restraint_device", "conducted_energy", "firearm_displayed")
_FORCE_WEIGHTS: Final = (66, 20, 9, 5)


class Aftermath:
    """Tells calls back and incidents of force."""

    def __init__(self, pen: Pen, random: Random) -> None:
        self._pen = pen
        self._random = random
        self._incidents = 0

    def follow_up(self, call: str, closed_us: int, done: float) -> None:
        """The call back that is owed: most within two days and more of them as the years pass, some late, some never.

        ``done`` is the part of the period that has passed, 0 to 1.
        """
        random = self._random
        draw = random.random()
        if draw < 0.60 + 0.20 * done:
            median_hours = 20.0
        elif draw < 0.86 + 0.06 * done:
            median_hours = 90.0
        else:
            return
        tried_us = closed_us + int(exp(random.gauss(log(median_hours), 0.45)) * HOUR_US)
        for _ in range(3):
            outcome = random.choices(("reached", "attempted", "declined"), (76, 18, 6))[0]
            self._pen.tell(CRISIS, "followup.made", f"call/{call}", tried_us, {"call": call, "outcome": outcome})
            if outcome != "attempted":
                return
            tried_us += int((6 + 20 * random.random()) * HOUR_US)

    def force(self, call: str, moment_us: int, person: Person | None) -> None:
        """One incident of force on a call, told by the police."""
        self._incidents += 1
        incident = f"F-{self._incidents:04d}"
        data: dict[str, Any] = {
            "incident": incident,
            "call": call,
            "force_kind": self._random.choices(_FORCE_KINDS, _FORCE_WEIGHTS)[0],
        }
        if person is not None:
            data["person"] = person.token
        self._pen.tell(POLICE, "force.used", f"incident/{incident}", moment_us, data)
