"""The ids of a run of events, kept as one text: what tells two events of a source apart when they tie.

Here so that a million ids can be handed from the log to a rebuild without a million objects; they become
texts of their own only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SEPARATOR = "\n"
"""Between two ids. CloudEvents allows no control character in an id."""

_SPARSE = 4
"""Where fewer than one id in this many is wanted, each is cut out by itself; otherwise the stretch is split."""


def join(ids: Sequence[str]) -> str:
    """The ids as one text. Raises ValueError where one holds the separator: it could not be found again."""
    text = SEPARATOR.join(ids)
    if text.count(SEPARATOR) != max(0, len(ids) - 1):
        raise ValueError("an event id holds a line feed")
    return text


@dataclass(frozen=True, slots=True)
class EventIds:
    """Ids by position: the one at ``i`` is ``text[starts[i]:ends[i]]``, and a separator stands between."""

    text: str
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> EventIds:
        """From runs of ids that ``join`` made, none of them empty."""
        import numpy as np

        text = SEPARATOR.join(texts)
        if text.isascii():
            letters = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
        else:
            letters = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
        breaks = np.flatnonzero(letters == ord(SEPARATOR))
        if not texts:
            return cls(text, breaks, breaks)
        return cls(text, np.concatenate(([0], breaks + 1)), np.append(breaks, len(text)))

    def __len__(self) -> int:
        return len(self.ends)

    def between(self, first: int, end: int) -> EventIds:
        """The ids at ``first`` up to, not including, ``end``."""
        return EventIds(self.text, self.starts[first:end], self.ends[first:end])

    def at(self, positions: npt.NDArray[np.int64]) -> list[str]:
        """The ids at some positions, in the order asked."""
        if len(positions) == 0:
            return []
        first, last = int(positions.min()), int(positions.max())
        if last - first < _SPARSE * len(positions):
            near = self.text[int(self.starts[first]) : int(self.ends[last])].split(SEPARATOR)
            return [near[place] for place in (positions - first).tolist()]
        text, bounds = self.text, zip(self.starts[positions].tolist(), self.ends[positions].tolist(), strict=True)
        return [text[start:end] for start, end in bounds]
