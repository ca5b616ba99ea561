"""``tallystick serve``: the intake, the API and the pages of one home, in one process.

On SQLite it owns the home's writer lock while it runs and other commands read beside it; on PostgreSQL several may
serve at once.
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
    from ops.staying import awaiting_the_end, start_line

    settings = load_settings(home, host=host, port=port)
    refuse_open_house(settings)

    def ready(url: str) -> None:
        note(start_line("serve", settings, url=url))
        note(f"Tallystick serves {settings.database_told or settings.home} at {url}")

    with (
        awaiting_the_end() as ending,
        patiently(lambda: open_house(settings.home, settings=settings)) as house,
    ):
        serve_house(house, settings, ending, on_ready=ready)
