"""Which of some later events are responsible for a difference: as few as explain it, none that can be spared.

Kept apart from what is counted, because what "responsible" means is one small definition and must be read in one
place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Atom = TypeVar("Atom")


def fewest(later: Sequence[Atom], outcome: Callable[[Sequence[Atom]], object]) -> list[Atom]:
    """The events of ``later`` that are responsible for the outcome, in their order.

    ``outcome`` tells what comes of the earlier events together with some of the later ones, and depends on which they
    are alone. Responsible is a part of the later events such that

    - without it the outcome is the old one: ``outcome(others) == outcome([])``,
    - with it alone the outcome is the new one: ``outcome(part) == outcome(later)``,
    - and no event of it can be left out without breaking one of the two.

    An event whose effect another one hides (a second withdrawal of the same statement) is part of it: taking only the
    other away would not bring the old outcome back. Events are spared in halves first, so the cost is a few
    evaluations for each event that stays.
    """
    old, new = outcome([]), outcome(later)
    if old == new:
        return []

    def explains(part: Sequence[Atom]) -> bool:
        kept = {id(one) for one in part}
        return outcome([one for one in later if id(one) not in kept]) == old and outcome(part) == new

    part = list(later)
    spared = True
    while spared:
        spared = False
        size = max(1, len(part) // 2)
        while size:
            at = 0
            while at < len(part):
                without = [*part[:at], *part[at + size :]]
                # The whole explains by its nature, and nothing at all never does: old and new differ.
                if without and explains(without):
                    part, spared = without, True
                else:
                    at += size
            size //= 2
    return part
