"""The people of the demonstration: keyed tokens, each with a group, met again with a stated chance.

Repeat encounters, re-arrests and differences between groups can only be seen where the same token comes back, so
every story asks here who it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

GROUPS: Final = ("age_under_25", "age_25_54", "age_55_up")
_GROUP_WEIGHTS: Final = (27, 51, 22)


@dataclass(frozen=True, slots=True)
class Person:
    """A token, as a partnership's linkage would hand out, and the group the person is counted in."""

    token: str
    group: str

    @property
    def young(self) -> bool:
        """Whether the person belongs to the group that gets help less often, here as in many programmes."""
        return self.group == GROUPS[0]


class People:
    """Everybody met so far."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._met: list[Person] = []

    def meet(self, again: float) -> Person:
        """Somebody: with the chance ``again`` one of the last few hundred who were met, else somebody new."""
        if self._met and self._random.random() < again:
            return self._random.choice(self._met[-400:])
        person = Person(f"tok-{len(self._met):06x}", self._random.choices(GROUPS, _GROUP_WEIGHTS)[0])
        self._met.append(person)
        return person
