"""``tallystick demo``: a made-up partnership of six agencies over three years, to look at and to try
things on.

Everything it shows went through the real intake, so what works here works with real senders.
"""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from contracts.faults import fault
from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, note, show
from ops.cli.progress import Meter
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
    how: Format = OutputFormat.TABLE,
) -> None:
    """Fill a home with a demonstration partnership and serve its scorecard."""
    from ops.demo import fill
    from ops.settings import ENV_PREFIX, load_settings

    place = home or Path(os.environ.get(f"{ENV_PREFIX}HOME", DEMO_HOME))
    if load_settings(place).database is not None:
        # What is recorded stays for good; invented events must not get into a ledger that others share.
        raise fault(
            "settings_invalid",
            "the demonstration fills a home of its own, and database is set",
            "/database",
            hint=f"Run it without {ENV_PREFIX}DATABASE.",
        )
    with Meter("Living through three years") as living, Meter("Building the views") as building:
        lived = fill(place, seed, progress=living, rebuilding=building)
    show(
        Result(
            lived,
            ("figure", "value"),
            [[name, value] for name, value in lived.items() if name != "codes"],
            notes=[] if lived["submitted"] else ["This home held events already; it was left as it is."],
        ),
        how,
    )
    if serve:
        serve_home(place, port, open_browser)


def serve_home(home: Path, port: int | None, open_browser: bool) -> None:
    """Serve a demonstration home on loopback and end with its URL."""
    from ops.composition import open_house
    from ops.http.server import serve_house
    from ops.settings import load_settings
    from ops.staying import awaiting_the_end

    settings = load_settings(home, port=port, host="127.0.0.1")

    def ready(url: str) -> None:
        note(f"The scorecard is at {url} (Ctrl-C ends it)")
        if open_browser and _has_a_screen():
            webbrowser.open(url)

    with awaiting_the_end() as ending, open_house(settings=settings) as house:
        serve_house(house, settings, ending, on_ready=ready)


def _has_a_screen() -> bool:
    # Without a screen, webbrowser may start a text browser in this very terminal.
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
