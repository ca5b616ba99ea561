"""``tallystick explain``: one number opened down to the events behind it.

It lists them and computes the number again from exactly those, so that nobody has to take it on trust.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.moments import format_us
from ops.cli.kpi import Kpi, Version
from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import EVENT_COLUMNS, rows_of

if TYPE_CHECKING:
    from contracts.recorded import Recorded
    from projections.kpi.history import Change, Dispute

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
        typer.Option(
            "--limit", min=1, max=1_000_000, help="List at most so many events; if left out, 50 in a table, else all."
        ),
    ] = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show a cell of KPI, the events behind it, and its value computed again from them."""
    with reading(home) as house:
        most = limit or (TABLE_EVENTS if how is OutputFormat.TABLE else None)
        moment = house.as_of(as_of)
        found = house.explain(name, period, group, as_of=moment, version=version, limit=most)
        decided = house.kpi_history(name, moment)
        told = found.to_json() | decided.to_json()
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
                *(change_line(change) for change in decided.changes),
                *(dispute_line(dispute) for dispute in decided.disputes),
            ],
        ),
        how,
    )


def change_line(change: Change) -> str:
    """One decision about the KPI's target or definition in a line: what changed, old -> new; where and when."""
    version = "" if change.version is None else f" version {change.version}"
    parts = [
        f"{part.what if part.period is None else f'{part.what} {part.period}'} {_value(part.old)} -> {_value(part.new)}"
        for part in change.differences
    ]
    return f"{change.event.type}{version}{_place(change.event)}: {'; '.join(parts) or 'nothing changed'}."


def dispute_line(dispute: Dispute) -> str:
    """One dispute of the KPI's definition in a line."""
    version = "" if dispute.version is None else f" version {dispute.version}"
    return f"Disputed{version} by {dispute.by}{_place(dispute.event)}: {dispute.reason}"


def _place(event: Recorded) -> str:
    happened = "at a moment not known" if event.time_us is None else format_us(event.time_us)
    return f" (event {event.log_index}, {happened}, recorded {format_us(event.recorded_at_us)})"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
