"""Three years of a partnership as a stream of arrivals: the same seed gives the same bytes in the same order.

It is pure: no clock, no file, no ledger. What goes in at the other end is what six agencies' systems would have sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from random import Random

from ops.demo.aftermath import Aftermath
from ops.demo.arrests import Arrests
from ops.demo.calls import Tellers, tell_calls
from ops.demo.committee import tell_committee
from ops.demo.community import tell_community
from ops.demo.indicators import tell_indicators
from ops.demo.money import tell_money
from ops.demo.pen import Pen
from ops.demo.people import People
from ops.demo.plan import tell_plan
from ops.demo.privacy import tell_privacy
from ops.demo.programmes import Programmes
from ops.demo.promises import tell_promises
from ops.demo.referrals import Referrals
from ops.demo.staff import tell_staff

DEFAULT_SEED = 7


def events(seed: int = DEFAULT_SEED, *, scale: float = 1.0) -> Iterator[tuple[int, bytes]]:
    """``(arrival_us, bytes)`` in order of arrival, UTC microseconds; ``scale`` multiplies the daily work (calls,
    referrals, services, arrests, consents) and leaves whole what the agencies' managers tell: the plan, commitments,
    staff, money and meetings.
    """
    stories = _Stories(seed)
    pen, random = stories.begin("governance")
    tell_plan(pen)
    tell_committee(pen, random)
    tell_promises(*stories.begin("promises"))
    tell_indicators(*stories.begin("indicators"))
    tell_staff(*stories.begin("staff"))
    tell_money(*stories.begin("money"))
    tell_community(*stories.begin("community"))
    pen, random = stories.begin("work")
    people = People(random)
    referrals = Referrals(pen, random, people, Programmes(pen, random))
    arrests = Arrests(pen, random, people)
    tell_calls(pen, random, scale, Tellers(people, referrals, arrests, Aftermath(pen, random)))
    referrals.tell_own(scale)
    arrests.tell_own(scale)
    tell_privacy(pen, random, people, scale)
    return iter(stories.arrivals())


class _Stories:
    """One pen and one generator for each story, so that a KPI more in the plan changes nothing of what people lived
    through.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pens: list[Pen] = []

    def begin(self, name: str) -> tuple[Pen, Random]:
        random = Random(f"{self._seed}/{name}")
        self._pens.append(Pen(random))
        return self._pens[-1], random

    def arrivals(self) -> list[tuple[int, bytes]]:
        """What all of them wrote, in order of arrival; at the same moment in the order in which they were begun."""
        return sorted(chain.from_iterable(pen.arrivals for pen in self._pens), key=_arrival)


def _arrival(sent: tuple[int, bytes]) -> int:
    return sent[0]
