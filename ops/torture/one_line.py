"""The command ``tallystick`` with all senders in one line before the writer: a control, never a choice of an operator.

It is here because a campaign that says that nobody is starved must be seen to notice a server that starves: first come,
first served, whoever sends most is served most.
"""

from __future__ import annotations

import sys

from ops.cli import main
from ops.http.auth import Principal

# Whoever sends, it is the same sender: then nobody has a turn or a place of their own.
Principal.sender = property(lambda _: "everybody")  # type: ignore[assignment, method-assign]

if __name__ == "__main__":
    sys.exit(main())
