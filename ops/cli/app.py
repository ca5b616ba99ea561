"""The command tree and the one place where an error becomes an exit status.

Bad input never shows a traceback: a fault is told as its code, sentence, pointer and hint, whatever raised
it.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from contracts.faults import Fault, problem
from ops.addresses import without_secrets
from ops.cli import (
    actions,
    copy,
    demo,
    doctor,
    explain,
    feeds,
    import_file,
    kpi,
    migrate,
    obligations,
    quality,
    quarantine,
    rebuild,
    reconciliation,
    record,
    rejections,
    relay,
    reviews,
    schemas,
    scorecard,
    serve,
    verify,
    worker,
)
from ops.cli.output import show_problem, show_usage_error
from ops.settings import ENV_PREFIX

USAGE_STATUS = 2
UNEXPECTED_STATUS = 1
INTERRUPTED_STATUS = 130

app = typer.Typer(
    name="tallystick",
    help="A ledger of what partner agencies promised and did; every number opens down to its events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (demo, serve, relay, worker, record, import_file, scorecard, kpi, explain, rejections):
    module.register(app)
for module in (obligations, reconciliation, reviews, actions, feeds, quality):
    module.register(app)
for module in (quarantine, rebuild, verify, doctor, schemas, migrate, copy):
    module.register(app)


def program_version() -> str:
    """The installed version, or ``0+source`` when run from a source tree that was never installed."""
    try:
        return version("tallystick")
    except PackageNotFoundError:
        return "0+source"


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tallystick {program_version()}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Options before the verb."""


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status and never raises for bad input."""
    command = typer.main.get_command(app)
    try:
        status = command.main(args=None if argv is None else list(argv), prog_name="tallystick", standalone_mode=False)
        sys.stdout.flush()
    except Fault as fault:
        show_problem(fault.problem)
        return fault.problem.exit_status
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED_STATUS
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error. Nothing more may be written to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: told in the same shape as every other error
        said = getattr(error, "format_message", None)
        if callable(said):  # the command line itself was wrong
            show_usage_error(str(said()), getattr(error, "ctx", None))
            return USAGE_STATUS
        if os.environ.get(f"{ENV_PREFIX}LOG_LEVEL", "").lower() == "debug":
            sys.stderr.write(without_secrets(traceback.format_exc()))
        show_problem(
            problem(
                "internal_error",
                without_secrets(f"{type(error).__name__}: {error}"),
                hint=f"Set {ENV_PREFIX}LOG_LEVEL=debug to see where, and report it.",
            )
        )
        return UNEXPECTED_STATUS
    return status if isinstance(status, int) else 0
