"""``tallystick copy``: move a ledger between a home's file and a PostgreSQL database, and check what arrived.

Every event keeps its log_index, receipt and digest, and the root is the same; views are built from the log where it
arrives.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.options import Format, OutputFormat
from ops.cli.output import Result, show
from ops.cli.progress import Meter

if TYPE_CHECKING:
    from ops.settings import Settings

From = Annotated[
    str,
    typer.Option("--from", metavar="DIR|ADDRESS", help="A home, or a database such as postgresql://user@host/name."),
]
To = Annotated[str, typer.Option("--to", metavar="DIR|ADDRESS", help="A new home, or a database after `migrate`.")]


def register(app: typer.Typer) -> None:
    app.command("copy")(copy_ledger)


def copy_ledger(from_: From, to: To, how: Format = OutputFormat.TABLE) -> None:
    """Copy a whole ledger into an empty one, then verify it from what was stored there."""
    from ops.addresses import redacted
    from ops.composition import system_clock
    from ops.copying import copy
    from ops.moving import settings_of, take_over_settings

    source, target = settings_of(from_, "from"), settings_of(to, "to")
    take_over_settings(source, target)
    with Meter("Copying") as copying, Meter("Verifying") as verifying:
        done = copy(_place(source), _place(target), clock=system_clock, progress=copying, check=verifying)
    told = {"events": done.events, "root": done.root.hex(), "totals": done.totals}
    where = redacted(target.database) if target.database is not None else str(target.home)
    notes = [f"{where} holds the same ledger. tallystick rebuild makes its views."]
    row = [done.events, done.root.hex(), done.totals]
    show(Result(told, ("events", "root", "totals"), [row], notes=notes), how)


def _place(settings: Settings) -> str | Path:
    return settings.home if settings.database is None else settings.database_address()
