"""``tallystick worker``: take agencies' events in from Kafka, and apply recorded ones to the views.

Any number may run and share the partitions; adding or killing one changes nothing but the speed.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.options import Home
from ops.cli.output import note

TakesIn = Annotated[bool, typer.Option("--intake/--no-intake", help="Whether it records what agencies send by Kafka.")]
Applies = Annotated[
    bool, typer.Option("--projection/--no-projection", help="Whether it applies recorded events to the views.")
]


def register(app: typer.Typer) -> None:
    app.command("worker")(worker)


def worker(home: Home = None, intake: TakesIn = True, projection: Applies = True) -> None:
    """Take events in from Kafka and apply recorded ones to the views until interrupted."""
    from ops.composition import system_clock
    from ops.settings import load_settings
    from ops.staying import awaiting_the_end, begin_log, start_line
    from ops.vital_signs import answering
    from ops.working import open_worker

    settings = load_settings(home)
    begin_log(settings)
    with (
        awaiting_the_end() as ending,
        open_worker(settings, system_clock, intake=intake, projection=projection) as parts,
        answering(parts.metrics, parts.watch, settings) as url,
    ):
        note(start_line("worker", settings, groups=",".join(parts.groups), metrics=url))
        ending.then(parts.process.stop)
        parts.process.run()
