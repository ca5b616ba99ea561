"""``tallystick schemas``: the published JSON Schemas of every event type and of the KPI definition.

Whoever sends events can check them before sending, with any JSON Schema validator.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from contracts.faults import fault
from ops.cli.options import Format, OutputFormat
from ops.cli.output import Result, note, show

_COLUMNS = ("topic", "type", "kind", "family", "status")


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The published JSON Schemas: list, show, export.", no_args_is_help=True)
    group.command("list")(list_schemas)
    group.command("show")(show_schema)
    group.command("export")(export)
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
