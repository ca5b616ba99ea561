"""``tallystick quarantine``: recorded events that a view could not apply.

They are in the ledger and will count once the cause is put right and they are replayed.
"""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Events a view could not apply: list, replay.", no_args_is_help=True)
    app.add_typer(group, name="quarantine")
