"""``tallystick record``: record the events of a file or of standard input.

It is the way in for whoever can write JSON but runs no HTTP client; the intake judges each event as
everywhere.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.faults import fault
from contracts.recorded import Outcome
from ops.cli.opening import writing
from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, leave_with, note, show
from ops.cli.progress import Meter

_TOLD = 10


def register(app: typer.Typer) -> None:
    app.command("record")(record)


def record(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A JSON event, a JSON array, or one a line.")],
    home: Home = None,
    agency: Annotated[
        str | None, typer.Option("--agency", help="Who speaks, where the events do not say it themselves.")
    ] = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Record events from FILE, or from standard input when FILE is "-".

    Events that are refused are kept as rejections and the rest is recorded: exit status 0. Where nothing at all could
    be taken it is 3, or 4 where everything was a conflict.
    """
    from ops.cli.event_file import read_events

    problems: list[list[Any]] = []
    seen = 0

    def remember(outcomes: list[Outcome]) -> None:
        nonlocal seen
        for outcome in outcomes:
            seen += 1
            if outcome.problem is not None and len(problems) < _TOLD:
                found = outcome.problem
                problems.append([seen, outcome.status, found.code, found.pointer, found.detail, found.hint])

    try:
        stream = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed below
    except FileNotFoundError as error:
        raise fault("file_missing", f"there is no file {file}") from error
    except OSError as error:
        raise fault("file_unreadable", f"{file} cannot be read: {error.strerror}") from error
    try:
        with writing(home) as house, Meter("Recording") as meter:
            tally = house.record(read_events(stream, file), agency=agency, on_outcomes=remember, progress=meter)
    finally:
        if file != "-":
            stream.close()
    told = tally.to_json()
    show(tally_result(told, problems), how)
    if not tally.submitted:
        note(f"There is no event in {'what was sent' if file == '-' else file}, so nothing was recorded.")
    leave_with(told)


def tally_result(tally: dict[str, Any], problems: list[list[Any]]) -> Result:
    """The result of ``record`` and ``import``; ``problems`` are the first few, for the table."""
    rows = [[name, tally[name]] for name in ("recorded", "duplicate", "conflict", "rejected")]
    rows += [[f"flag {rule}", n] for rule, n in tally["flags"].items()]
    notes = []
    for number, status, code, pointer, detail, hint in problems:
        where = f" at {pointer}" if pointer else ""
        notes.append(f"{number}: {status} {code}{where}: {detail} {hint}")
    if len(problems) == _TOLD:
        notes.append("… `tallystick rejections` lists every rejection that was kept.")
    return Result(tally, ("outcome", "events"), rows, notes=notes)
