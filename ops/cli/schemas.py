"""``tallystick schemas``: the published JSON Schemas of events and of the KPI definition, and how they may change.

Whoever sends events can check them before sending, with any JSON Schema validator; whoever changes a contract is told
first whom the change would break.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from contracts.faults import fault
from ops.cli.options import Format, OutputFormat
from ops.cli.output import Result, note, show

_COLUMNS = ("topic", "type", "kind", "family", "status")
_CHECKED = ("topic", "verdict", "release", "direction", "pointer", "reason", "counter_example")
Releases = Annotated[
    Path | None,
    typer.Option("--releases", metavar="DIR", help="The released contracts; those of this program if left out."),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="The published contracts: list, show, export, check against what was released.", no_args_is_help=True
    )
    group.command("list")(list_schemas)
    group.command("show")(show_schema)
    group.command("export")(export)
    group.command("check")(check)
    group.command("release")(release)
    group.command("asyncapi")(asyncapi)
    app.add_typer(group, name="schemas")


def list_schemas(how: Format = OutputFormat.TABLE) -> None:
    """List every event type and version of the catalogue."""
    from ops.delivery import contract_rows, rows_of

    found = contract_rows()
    show(Result({"contracts": found}, _COLUMNS, rows_of(found, _COLUMNS)), how)


def show_schema(
    topic: Annotated[str, typer.Argument(metavar="TYPE", help="call.received.v1, or kpi-definition.")],
) -> None:
    """Print one JSON Schema."""
    typer.echo(_pretty(schema_of(topic)))


def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the files.")],
) -> None:
    """Write every JSON Schema into DIR, one file each."""
    from ops.delivery import contract_rows

    directory.mkdir(parents=True, exist_ok=True)
    names = [row["topic"] for row in contract_rows()] + ["kpi-definition"]
    for name in names:
        (directory / f"{name}.json").write_text(_pretty(schema_of(name)) + "\n", encoding="utf-8")
    note(f"Wrote {len(names)} schemas into {directory}.")


def check(releases: Releases = None, how: Format = OutputFormat.TABLE) -> None:
    """Hold every working contract against all that was ever released.

    Exit status 4 where a change would break somebody who sends or reads by a released contract; each such change is
    shown with its place, the reason and a payload that shows it.
    """
    from contracts.catalogue import CATALOGUE
    from contracts.evolution.check import check as held_against
    from contracts.evolution.releases import FOLDER, released

    findings = held_against(CATALOGUE, released(_folder(releases) if releases else FOLDER))
    rows: list[list[Any]] = []
    for finding in findings:
        for name, broken in finding.breaks:
            shown = "" if broken.counter_example is None else orjson.dumps(broken.counter_example).decode()
            rows.append([finding.topic, finding.verdict, name, broken.direction, broken.pointer, broken.reason, shown])
        if finding.verdict == "compatible":
            added = ", ".join(finding.added)
            rows.append([finding.topic, finding.verdict, finding.since[-1], "", added, "optional fields added", ""])
        elif finding.verdict == "new":
            rows.append([finding.topic, finding.verdict, "", "", "", "not released yet", ""])
    counts = Counter(finding.verdict for finding in findings)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("same", "compatible", "new", "refused"))
    json = {"counts": dict(counts), "findings": [finding.to_json() for finding in findings]}
    show(Result(json, _CHECKED, rows, notes=[f"{len(findings)} contracts: {told}."]), how)
    if counts["refused"]:
        raise fault("contract_incompatible", f"{counts['refused']} of {len(findings)} contracts are refused")


def release(
    name: Annotated[str, typer.Argument(metavar="RELEASE", help="The release's name, such as 0.2.0.")],
    releases: Releases = None,
) -> None:
    """Freeze the working contracts as released under RELEASE. Refused where `schemas check` refuses."""
    from contracts.catalogue import CATALOGUE
    from contracts.evolution.check import check as held_against
    from contracts.evolution.releases import FOLDER, released
    from contracts.evolution.releases import release as freeze

    folder = FOLDER if releases is None else releases
    known = released(folder) if folder.is_dir() else {}
    refused = [finding.topic for finding in held_against(CATALOGUE, known) if finding.verdict == "refused"]
    if refused:
        raise fault("contract_incompatible", f"{', '.join(refused)} would break somebody; see tallystick schemas check")
    written = freeze(CATALOGUE, name, folder)
    note(f"Froze {len(written)} contracts as released in {name}; {len(CATALOGUE) - len(written)} stand as they stood.")


def asyncapi() -> None:
    """Print the AsyncAPI 3.0 document of every event type that is taken."""
    from contracts.asyncapi import asyncapi as document
    from ops.cli.app import program_version

    typer.echo(_pretty(document(program_version())))


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise fault("not_found", f"{path} is not a folder of released contracts")
    return path


def schema_of(topic: str) -> dict[str, Any]:
    """The schema of an event type (``call.received.v1`` or its wire type) or of ``kpi-definition``.

    Raises the fault ``not_found``.
    """
    from contracts.catalogue import CATALOGUE
    from contracts.kpi import kpi_schema

    if topic == "kpi-definition":
        return kpi_schema()
    entry = CATALOGUE.find(topic)
    if entry is None:
        raise fault("not_found", f"the catalogue has no type {topic!r}")
    return CATALOGUE.schema(entry)


def _pretty(schema: dict[str, Any]) -> str:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
