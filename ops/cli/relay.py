"""``tallystick relay``: send every recorded event to the topic of events, in order and at least once.

Any number may run; the one that holds the lease sends, the others stand by and take over within seconds.
"""

from __future__ import annotations

import typer

from ops.cli.options import Home
from ops.cli.output import note


def register(app: typer.Typer) -> None:
    app.command("relay")(relay)


def relay(home: Home = None) -> None:
    """Send recorded events to Kafka until interrupted."""
    from ops.composition import system_clock
    from ops.relaying import open_relay
    from ops.settings import load_settings
    from ops.staying import awaiting_the_end, begin_log, start_line
    from ops.vital_signs import answering

    settings = load_settings(home)
    begin_log(settings)
    with (
        awaiting_the_end() as ending,
        open_relay(settings, system_clock) as parts,
        answering(parts.metrics, parts.watch.look, settings) as url,
    ):
        note(start_line("relay", settings, topic=parts.topic, metrics=url))
        ending.then(parts.relay.stop)
        parts.relay.run()
