"""``tallystick verify``: read the whole log again and check every digest and the tree.

It is how an operator, or a partner who was given the file, sees that nothing was changed.
"""

from __future__ import annotations

import typer

from contracts.faults import FAULTS
from ops.cli.opening import reading_as_is
from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.cli.progress import Meter


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(home: Home = None, how: Format = OutputFormat.TABLE) -> None:
    """Check every event's digest, the order of the log and the root of its tree."""
    with reading_as_is(home) as house, Meter("Verifying") as meter:
        found = house.verify(meter)
    told = {"ok": found.ok, "events": found.events, "root": found.root.hex()}
    if found.problems:
        told["problems"] = list(found.problems)
    show(
        Result(
            told,
            ("ok", "events", "root"),
            [[found.ok, found.events, found.root.hex()]],
            notes=[str(problem) for problem in found.problems],
        ),
        how,
    )
    if not found.ok:
        raise typer.Exit(FAULTS["integrity_broken"].exit_status)
