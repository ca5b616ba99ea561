"""``tallystick demo``: a made-up partnership of six agencies over three years, to look at and to try
things on.

Everything it shows went through the real intake, so what works here works with real senders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import Home
from ops.cli.serve import Port

DEMO_HOME = Path("demo-home")


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    home: Home = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same ledger.")] = 7,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve the scorecard afterwards.")] = True,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the scorecard in a browser where there is one.")
    ] = True,
    port: Port = None,
) -> None:
    """Fill a home with a demonstration partnership and serve its scorecard."""
    raise NotImplementedError
