"""``tallystick rebuild``: build every view again beside those that are read, compare, and change over.

For a new version of the views, a changed time zone, or peace of mind. It runs beside a server: nothing waits for it,
and whatever ends it, readers keep what they had.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from contracts.faults import FAULTS, problem
from contracts.moments import format_us
from ops.cli.opening import reading_as_is
from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, note, show, show_problem
from ops.cli.progress import Meter
from ops.rebuilding import KEPT, Rebuilt, back, rebuild

Accept = Annotated[
    bool, typer.Option("--accept-differences", help="Change over even where the new views differ from those read.")
]
Keep = Annotated[int, typer.Option("--keep", min=0, help="How many earlier generations to keep besides the live one.")]
Back = Annotated[bool, typer.Option("--back", help="Build nothing: change over to the generation read before.")]
Listed = Annotated[bool, typer.Option("--list", help="Build nothing: name the generations there are.")]


def register(app: typer.Typer) -> None:
    app.command("rebuild")(rebuild_views)


def rebuild_views(
    home: Home = None,
    accept: Accept = False,
    keep: Keep = KEPT,
    back_: Back = False,
    listed: Listed = False,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Build every view again beside the live ones, compare, and change over."""
    if back_ and listed:
        raise typer.BadParameter("--back and --list do not go together.")
    with reading_as_is(home) as house:
        if listed:
            show(_listed(house.generations.list()), how)
            return
        if back_:
            before, number = back(house)
            told = {"generation": number, "before": before}
            sentence = f"Generation {number} is read again; it catches up from the log."
            show(Result(told, tuple(told), [list(told.values())], notes=[sentence]), how)
            return
        with Meter("Rebuilding") as meter:
            built = rebuild(house, accept_differences=accept, keep=keep, progress=meter)
    show(_told(built), how)
    if not built.switched:
        assert built.audit is not None
        for difference in built.audit.differences:
            note(str(difference))
        told_problem = problem("views_differ", f"{len(built.audit.differences)} differences; nothing was changed.")
        show_problem(told_problem)
        raise typer.Exit(FAULTS["views_differ"].exit_status)


def _told(built: Rebuilt) -> Result:
    audit = built.audit
    told: dict[str, Any] = {
        "generation": built.number,
        "before": built.before,
        "switched": built.switched,
        "position": built.position,
        "head": built.head,
        "rows_compared": None if audit is None else audit.rows,
        "cells_compared": None if audit is None else audit.cells,
    }
    row = list(told.values())
    columns = tuple(told)
    told["differences"] = [] if audit is None else [str(difference) for difference in audit.differences]
    told["changed_cells"] = {f"{kpi}/{version}": n for (kpi, version), n in (built.changed or {}).items()}
    told["dropped"] = list(built.dropped)
    told["left"] = list(built.left)
    return Result(told, columns, [row], notes=list(_sentences(built)))


def _sentences(built: Rebuilt) -> list[str]:
    if not built.switched:
        return [f"The views that are read are still those of generation {built.before}."]
    found = ["Every view was built again."]
    if built.audit is not None and built.audit.cells is None:
        found.append("The cells that were read waited to be counted all the while, so only the rows were compared.")
    if built.audit is not None and built.audit.differences:
        found.append(f"{len(built.audit.differences)} differences were accepted.")
    if built.changed:
        many = ", ".join(f"{kpi} version {version}: {n}" for (kpi, version), n in built.changed.items())
        found.append(f"Cells that are not as they were: {many}.")
    found += [f"Generation {number} is still in use; it is removed by the next rebuild." for number in built.left]
    return found


def _listed(found: Any) -> Result:
    rows = [[one.number, one.state, one.version, format_us(one.began_at_us), one.log_index] for one in found]
    columns = ("generation", "state", "version", "began_at", "log_index")
    return Result([dict(zip(columns, row, strict=True)) for row in rows], columns, rows)
