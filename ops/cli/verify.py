"""``tallystick verify``: read the whole log again and check every digest and the tree.

It is how an operator, or a partner who was given the file, sees that nothing was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.faults import FAULTS
from ops.cli.opening import reading_as_is
from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.cli.progress import Meter

if TYPE_CHECKING:
    from ops.composition import House

Views = Annotated[
    bool,
    typer.Option("--views", help="Also build every read model and cell anew in memory and name the rows that differ."),
]


def register(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(home: Home = None, views: Views = False, how: Format = OutputFormat.TABLE) -> None:
    """Check every event's digest, the order of the log and the root of its tree; with --views, every number too."""
    seen: dict[str, Any] = {}
    problems: list[str] = []
    with reading_as_is(home) as house:
        with Meter("Verifying") as meter:
            found = house.verify(meter)
        # Views of a log that is damaged have nothing to be compared with.
        if views and found.ok:
            seen, problems = _compared(house)
    ok = found.ok and not problems
    problems = [*(str(problem) for problem in found.problems), *problems]
    told = {"ok": ok, "events": found.events, "root": found.root.hex(), **seen}
    if problems:
        told["problems"] = problems
    columns = ("ok", "events", "root", *seen)
    show(Result(told, columns, [[ok, found.events, found.root.hex(), *seen.values()]], notes=problems), how)
    if not ok:
        raise typer.Exit(FAULTS["integrity_broken"].exit_status)


def _compared(house: House) -> tuple[dict[str, Any], list[str]]:
    """How much of the views was compared with the log, and what is wrong with them."""
    parked = house.quarantine.count()
    if parked:
        return {"rows": None, "cells": None}, [f"{parked} events are in quarantine: no view counts them"]
    with Meter("Comparing the views") as meter:
        audit = house.audit(meter)
    return {"rows": audit.rows, "cells": audit.cells}, [str(difference) for difference in audit.differences]
