"""How an obligation stands: a pure function of what was stated about it and of the moment of reading.

Here, and without a clock, because a breach must need nobody to notice it: the same facts read a moment after
the due moment say *overdue* by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from contracts.ports import NO_TIME

State = Literal["overdue", "disputed", "open", "late", "met", "waived"]
STATES: tuple[State, ...] = get_args(State)
"""In the order in which a reader should look: what needs attention first."""

SETTLED: frozenset[State] = frozenset({"late", "met", "waived"})
"""States in which nothing more is owed."""

UNDATED = NO_TIME
"""The moment of something that was stated without one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What counts about one obligation; moments are UTC microseconds, UNDATED where none was stated.

    ``met`` is when it was fulfilled (None: not yet). ``waived``, ``disputed`` and ``settled`` are the moments
    at which those entitled to it waived it, disputed it, or agreed after all.
    """

    due_us: int
    met: int | None = None
    waived: tuple[int, ...] = ()
    disputed: tuple[int, ...] = ()
    settled: tuple[int, ...] = ()


def state_of(facts: Facts, as_of_us: int) -> State:
    """The state at a moment. What is dated later than the moment has not happened yet.

    * A waiver stands, before and after the due moment.
    * A dispute stands until somebody entitled agrees at a later moment; an undated dispute gives way to any
      dated agreement, an undated agreement to any dispute.
    * What is fulfilled at the due moment itself is met, what is fulfilled after it is late. Fulfilment without
      a moment counts as met until the due moment and as late from then on: nobody can show that it was in time.
    * What is not fulfilled is open up to and at the due moment, and overdue from the next microsecond on.
    """
    if any(at <= as_of_us for at in facts.waived):
        return "waived"
    if facts.disputed:
        disputed = max((at for at in facts.disputed if at <= as_of_us), default=None)
        if disputed is not None and not any(disputed < at <= as_of_us for at in facts.settled):
            return "disputed"
    if facts.met is not None and facts.met <= as_of_us:
        moment = as_of_us if facts.met == UNDATED else facts.met
        return "met" if moment <= facts.due_us else "late"
    return "overdue" if as_of_us > facts.due_us else "open"


def moment_of(us: int | None) -> int:
    """A moment as ``Facts`` take it: UNDATED for None."""
    return UNDATED if us is None else us
