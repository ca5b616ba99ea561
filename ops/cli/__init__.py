"""The command line: one module a verb, one entrance.

Everything a person at a terminal does with a ledger starts here. Modules import what they need when they run,
so that ``tallystick --version`` does not load a database.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or the status of the fault table, or 2 for a wrong
    line.
    """
    from ops.cli.app import run

    return run(argv)
