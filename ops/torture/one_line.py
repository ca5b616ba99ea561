"""The command ``tallystick`` with all senders in one line before the writer: a control, never a choice of an operator.

It is here because a campaign that says that nobody is starved must be seen to notice a server that starves: first come,
first served, whoever sends most is served most.
"""

from __future__ import annotations

import sys
from typing import TypeVar

from domain import sequencer
from domain.turns import Turns
from ops.cli import main

G = TypeVar("G")


class OneLine(Turns[G]):
    """The queue without turns: whoever sends, it is the same sender."""

    def waiting(self, sender: str) -> int:
        """Of anybody, and never more than is free: so that all of the queue may be one sender's."""
        return 0

    def put(self, sender: str, group: G, size: int) -> None:
        """Append to the one line."""
        super().put("", group, size)


setattr(sequencer, "Turns", OneLine)  # noqa: B010 - typed modules do not let their imports be replaced

if __name__ == "__main__":
    sys.exit(main())
