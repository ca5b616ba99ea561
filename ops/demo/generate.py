"""Three years of a partnership as a stream of arrivals: the same seed gives the same bytes in the same order.

It is pure: no clock, no file, no ledger. What goes in at the other end is what six agencies' systems would have sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ops.demo.calls import poisson, tell_calls
from ops.demo.pen import Pen
from ops.demo.plan import tell_plan
from ops.demo.promises import tell_promises
from ops.demo.referrals import Referrals

DEFAULT_SEED = 7


def events(seed: int = DEFAULT_SEED, *, scale: float = 1.0) -> Iterator[tuple[int, bytes]]:
    """``(arrival_us, bytes)`` in order of arrival, UTC microseconds; ``scale`` multiplies the daily work (calls,
    referrals, services) and leaves the plan and the commitments whole.
    """
    random = Random(seed)
    pen = Pen(random)
    tell_plan(pen)
    tell_promises(pen, random)
    referrals = Referrals(pen, random)
    tell_calls(pen, random, scale, referrals)
    referrals.tell_own(scale, poisson)
    pen.arrivals.sort(key=_arrival)
    return iter(pen.arrivals)


def _arrival(sent: tuple[int, bytes]) -> int:
    return sent[0]
