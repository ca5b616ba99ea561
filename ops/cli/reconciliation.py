"""``tallystick reconciliation``: both halves of every shared fact, side by side.

Here so that whoever works in a terminal reads what the page of that name shows.
"""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add this section's commands to ``app``."""
