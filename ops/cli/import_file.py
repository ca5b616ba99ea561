"""``tallystick import``: bring in a CSV or XLSX file by a declarative mapping.

For agencies whose system exports files and speaks no HTTP; the events it makes go through the same intake.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.faults import Fault
from contracts.recorded import Outcome
from ops.cli.opening import patiently
from ops.cli.options import Format, Home, OutputFormat
from ops.cli.output import Result, leave_with, show
from ops.cli.progress import Meter

if TYPE_CHECKING:
    from ops.composition import House


def register(app: typer.Typer) -> None:
    app.command("import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or XLSX file.")],
    mapping: Annotated[
        str, typer.Option("--mapping", metavar="NAME|PATH", help="A shipped mapping, or a mapping file.")
    ],
    home: Home = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and record nothing.")] = False,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Import FILE and report by outcome and by consistency rule.

    Rows that are refused are kept as rejections and the rest is recorded: exit status 0. Where nothing at all could be
    taken it is 3, or 4 where everything was a conflict.
    """
    from ops.importing.importer import run

    with Meter("Importing") as meter:
        if dry_run:
            report = run(file, mapping, _records_nothing, dry_run=True, progress=meter)
        else:
            with _house_for(home, mapping) as house:
                report = run(
                    file,
                    mapping,
                    house.record_batch,
                    progress=meter,
                    reject=lambda found: house.record_batch(found),
                )
    told = report.as_dict()
    rows = [[name, told[name]] for name in ("recorded", "duplicate", "conflict", "rejected")]
    rows += [[f"flag {rule}: {report.says.get(rule, '')}", n] for rule, n in told["flags"].items()]
    notes = [f"{report.rows:,} rows were read" + (", nothing was recorded (dry run)." if dry_run else ".")]
    if not dry_run and report.submitted and report.recorded == 0:
        notes.append("Nothing new: every event of this file was in the ledger already or was refused.")
    if report.unused_columns:
        notes.append(f"Columns the mapping does not use: {', '.join(report.unused_columns)}.")
    notes += [
        f"row {found.row}: {found.status} {found.code} {found.pointer} {found.detail} {found.hint}"
        for found in report.refusals
    ]
    if report.stopped is not None:
        notes.append("The file could not be read to its end; what came before is counted above.")
    show(Result(told, ("outcome", "events"), rows, notes=notes), how)
    if report.stopped is not None:
        raise Fault(report.stopped)
    leave_with(told)


def _house_for(home: Path | None, mapping: str) -> House:
    # A home that this import makes counts days and months where the file's agency does; an older one keeps its zone.
    from ops.composition import open_house
    from ops.importing.mapping import load_mapping
    from ops.settings import ENV_PREFIX, FILE_NAME, load_settings

    settings = load_settings(home)
    if not (settings.home / FILE_NAME).exists() and f"{ENV_PREFIX}ZONE" not in os.environ:
        settings = load_settings(home, zone=load_mapping(mapping).zone)
    return patiently(lambda: open_house(settings=settings))


def _records_nothing(bodies: list[bytes]) -> list[Outcome]:
    raise AssertionError(f"a dry run tried to record {len(bodies)} events")
