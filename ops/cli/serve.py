"""``tallystick serve``: the intake, the API and the pages of one home, in one process.

It owns the home's writer lock while it runs; other commands read beside it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.opening import patiently
from ops.cli.options import Home
from ops.cli.output import note

Host = Annotated[
    str | None, typer.Option("--host", help="The address to listen on; loopback only without credentials.")
]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")]


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(home: Home = None, host: Host = None, port: Port = None) -> None:
    """Serve the intake, the API and the pages until interrupted."""
    from ops.composition import open_house
    from ops.http.auth import refuse_open_house
    from ops.http.server import serve_house
    from ops.settings import load_settings

    settings = load_settings(home, host=host, port=port)
    refuse_open_house(settings)
    with patiently(lambda: open_house(settings.home, settings=settings)) as house:
        serve_house(house, settings, on_ready=lambda url: note(f"Tallystick serves {house.home} at {url}"))
