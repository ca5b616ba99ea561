"""``tallystick explain``: one number opened down to the events behind it.

It lists them and computes the number again from exactly those, so that nobody has to take it on trust.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.kpi import Kpi, Version
from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import EVENT_COLUMNS, rows_of

TABLE_EVENTS = 50


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)


def explain(
    name: Kpi,
    home: Home = None,
    period: Annotated[str, typer.Option("--period", help='2025-03, 2025-Q1, 2025 or "all".')] = "all",
    group: Annotated[str, typer.Option("--group", help='"all", agency:<name> and so on.')] = "all",
    version: Version = None,
    as_of: AsOfText = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="List at most so many events; if left out, 50 in a table, else all."),
    ] = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show a cell of KPI, the events behind it, and its value computed again from them."""
    with reading(home) as house:
        most = limit or (TABLE_EVENTS if how is OutputFormat.TABLE else None)
        found = house.explain(name, period, group, as_of=house.as_of(as_of), version=version, limit=most)
        told = found.to_json()
    cell = told["cell"]
    again = "the same" if told["agrees"] else "NOT the same"
    show(
        Result(
            told,
            EVENT_COLUMNS,
            rows_of(told["events"], EVENT_COLUMNS),
            notes=[
                f"{cell['kpi']} version {cell['version']}, {cell['period']}, {cell['group']}: "
                f"{cell['value']} {cell['unit']} ({cell['numerator']} of {cell['denominator']}), "
                f"{cell['status']}.",
                told["sentence"],
                f"{told['event_count']:,} events stand behind it, {len(told['events']):,} are listed; "
                f"computed again from them: {told['recomputed']}, {again}.",
            ],
        ),
        how,
    )
