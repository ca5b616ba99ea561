"""``tallystick rebuild``: build every view again from the log.

For a changed time zone, a new version of the views, or peace of mind: the result is the same rows.
"""

from __future__ import annotations

import typer

from ops.cli.opening import writing_there
from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.cli.progress import Meter


def register(app: typer.Typer) -> None:
    app.command("rebuild")(rebuild)


def rebuild(home: Home = None, how: Format = OutputFormat.TABLE) -> None:
    """Build every view again from the log."""
    with writing_there(home) as house, Meter("Rebuilding") as meter:
        position = house.rebuild(meter)
        head = house.reader.head().log_index
    show(
        Result(
            {"position": position, "head": head},
            ("position", "head"),
            [[position, head]],
            notes=["Every view was built again."],
        ),
        how,
    )
