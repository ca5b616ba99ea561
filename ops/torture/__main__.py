"""The command ``python -m ops.torture``: kills, power cuts, and the control that must lose; with a name behind it,
another campaign.

Here so that anyone can have the laws tried on their own machine with one command; it prints one line a campaign and
ends with an exit status of 1 when a line says what it must not.
"""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ops.torture import campaign, commands
from ops.torture.campaign import Outcome
from ops.torture.commands import EXIT_BROKEN, EXIT_NOT_RUN
from ops.torture.shim import NoCompiler

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
commands.register(app)


def failures(outcome: Outcome) -> list[str]:
    """Why a campaign's outcome is not the one that is due; empty when it is."""
    if outcome.points == 0:
        return ["nothing was tried"]
    if outcome.synchronous != "FULL":
        return [] if outcome.findings.lost else ["the control lost nothing: this simulation cannot see a missing sync"]
    reasons = []
    if outcome.findings.acknowledged == 0:
        reasons.append("nothing was acknowledged, so nothing could be lost")
    if not outcome.findings.clean:
        reasons += outcome.findings.remarks or ["something was lost, torn or counted twice"]
    return reasons


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    kills: Annotated[int, typer.Option(min=0, help="Kill points; 0 leaves them out.")] = 2000,
    cuts: Annotated[int, typer.Option(min=0, help="States after a power cut; 0 leaves them out.")] = 2000,
    seed: Annotated[int | None, typer.Option(help="Seed to replay; a fresh one is drawn and printed.")] = None,
    control: Annotated[bool, typer.Option(help="Also cut the power of a ledger that does not sync.")] = True,
    control_cuts: Annotated[int, typer.Option(min=1, help="States of the control.")] = 200,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one a core by default.")] = None,
) -> None:
    """Kill the recording process and cut its power; count what was acknowledged and is not there."""
    # So that the scratch directories are removed and the workers end when the run is told to end.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(EXIT_BROKEN))
    if context.invoked_subcommand is not None:
        return
    out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True)
    seed = secrets.randbelow(2**32) if seed is None else seed
    out.print(f"seed {seed}")
    jobs = [("kills", kills, "FULL"), ("cuts", cuts, "FULL")]
    if control:
        jobs.append(("cuts", control_cuts, "NORMAL"))
    broken: list[str] = []
    for kind, count, synchronous in jobs:
        if count == 0:
            continue
        with _shown(err, f"{kind}, synchronous={synchronous}", count) as on_progress:
            try:
                outcome = campaign.run(
                    kind, count, seed, synchronous=synchronous, workers=workers, on_progress=on_progress
                )
            except NoCompiler as absent:
                err.print(f"not run: {absent}")
                raise typer.Exit(EXIT_NOT_RUN) from absent
        out.print(outcome.line())
        broken += failures(outcome)
    for reason in broken:
        err.print(f"broken: {reason}", markup=False)
    if broken:
        raise typer.Exit(EXIT_BROKEN)


@contextmanager
def _shown(console: Console, what: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)

        def on_progress(done: int) -> None:
            progress.update(task, completed=done)

        yield on_progress


if __name__ == "__main__":
    app(prog_name="python -m ops.torture")
