"""How many obligations are in which state, for monitoring: counted at most once a minute.

Here because an overdue obligation should be able to wake somebody, and because counting reads the referrals while a
scrape comes every few seconds.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.composition import House

Counted = Mapping[tuple[str, ...], float]
EVERY_S = 60.0
SHARE = 50
"""Counting is left alone for so many times as long as it took: it never takes more than a fiftieth of a core."""


class ObligationGauge:
    """Reads ``tallystick_obligations`` of one house. May be called from any thread; only one counts at a time."""

    def __init__(self, house: House, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._house = house
        self._elapsed_s = elapsed_s
        self._turn = threading.Lock()
        self._counted: Counted = {}
        self._again_s: float | None = None

    def __call__(self) -> Counted:
        """By (state, kind). Raises whatever reading the views raises."""
        with self._turn:
            began = self._elapsed_s()
            if self._again_s is None or began >= self._again_s:
                self._counted = self._count()
                ended = self._elapsed_s()
                self._again_s = ended + max(EVERY_S, SHARE * (ended - began))
            return self._counted

    def _count(self) -> Counted:
        from projections.obligations import KINDS, STATES, asking, survey

        house = self._house
        if house.views_missing():
            return {}
        as_of = house.as_of()
        with house.reading(as_of) as connection:
            wanted = asking(as_of.moment_us, house.zone)
            found = survey(connection, as_of.moment_us, house.zone, wanted, limit=0)
        counted: Counter[tuple[str, str]] = Counter()
        for (kind, _, _, state), n in found.counts.items():
            counted[state, kind] += n
        # Zeros are told too: an alert on a number that is absent never ends.
        return {(state, kind): float(counted[state, kind]) for state in STATES for kind in KINDS}
