"""``tallystick quarantine``: recorded events that a view could not apply.

They are in the ledger and will count once the cause is put right and they are replayed.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.opening import reading_as_is, writing_there
from ops.cli.options import Format, Home, Limit, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import QUARANTINE_COLUMNS, rows_of


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Events a view could not apply: list, replay.", no_args_is_help=True)
    group.command("list")(list_parked)
    group.command("replay")(replay)
    app.add_typer(group, name="quarantine")


def list_parked(home: Home = None, limit: Limit = 100, how: Format = OutputFormat.TABLE) -> None:
    """List the events in quarantine in the order of the log."""
    with reading_as_is(home) as house:
        items = house.parked(limit=limit)
        brake = house.quarantine.brake()
    notes = [f"The line stands still: {brake}"] if brake else []
    if not items:
        notes.append("Nothing is in quarantine.")
    told = {"quarantine": items, "brake": brake}
    show(Result(told, QUARANTINE_COLUMNS, rows_of(items, QUARANTINE_COLUMNS), notes=notes), how)


def replay(
    home: Home = None,
    key: Annotated[str | None, typer.Option("--key", help="Only this key; every key if left out.")] = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Apply the events in quarantine again, after the cause was put right."""
    with writing_there(home) as house:
        if house.follows:
            done = house.runner.replay(key)
        else:
            from ops.working import replay as replay_beside_workers

            done = replay_beside_workers(house, key)
    told = {"applied": done.applied, "left": done.left}
    show(Result(told, ("applied", "left"), [[done.applied, done.left]]), how)
