"""The queue in front of the writer, in which each sender has a place of its own and they take turns.

It is here because one agency that sends its whole history at once must not keep the others waiting: first come, first
served would put a day of its events before the next one of everybody else.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

G = TypeVar("G")


@dataclass(slots=True)
class _Line(Generic[G]):
    """What one sender has waiting, in its own order."""

    groups: deque[tuple[G, int]] = field(default_factory=deque)
    size: int = 0


class Turns(Generic[G]):
    """Groups of submissions, by sender. Not safe to use from several threads at once: its owner takes care of that.

    Sizes count submissions. A sender may have no more waiting than is left free, so one that floods fills half of the
    queue at most, two a third each, and there is always room for one that comes with little.
    """

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._lines: dict[str, _Line[G]] = {}
        self._order: deque[str] = deque()  # whose turn is next; exactly the senders with something waiting
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._order)

    def waiting(self, sender: str) -> int:
        """Submissions of one sender that wait."""
        line = self._lines.get(sender)
        return 0 if line is None else line.size

    def has_room(self, sender: str, size: int, coming: int = 0) -> bool:
        """Whether a group of this size may still be put in, behind ``coming`` submissions of the same sender.

        Into an empty queue any group may, or one larger than the queue would wait for ever; and a sender with nothing
        waiting may wherever its group fits.
        """
        held = self.waiting(sender) + coming
        if not self.size and not held:
            return True
        free = self._size_max - self.size - coming - size
        return free >= 0 and (not held or held + size <= free)

    def put(self, sender: str, group: G, size: int) -> None:
        """Append a group to its sender's line."""
        line = self._lines.get(sender)
        if line is None:
            line = self._lines[sender] = _Line()
            self._order.append(sender)
        line.groups.append((group, size))
        line.size += size
        self.size += size

    def take(self, size_max: int) -> list[G]:
        """The next groups, of ``size_max`` submissions together at most, or a single one that is larger.

        Every sender gets its share before any gets more; what one does not need goes to the others.
        """
        taken: list[G] = []
        room = size_max
        while self._order:
            share = max(1, room // len(self._order))
            for _ in range(len(self._order)):
                room, full = self._take_turn(taken, room, share, alone=len(self._order) == 1)
                if full:
                    return taken
        return taken

    def _take_turn(self, taken: list[G], room: int, share: int, *, alone: bool) -> tuple[int, bool]:
        """One sender's turn: what room is left, and whether its next group no longer fits in."""
        sender = self._order[0]
        line = self._lines[sender]
        used = 0
        while line.groups and (alone or used < share):
            group, size = line.groups[0]
            if taken and size > room:
                return room, True  # its turn is the first of the next batch
            line.groups.popleft()
            taken.append(group)
            line.size -= size
            self.size -= size
            used += size
            room -= size
        self._order.popleft()
        if line.groups:
            self._order.append(sender)
        else:
            del self._lines[sender]
        return room, room <= 0
