"""``tallystick feeds``: which reports are expected from whom, and who is silent.

Here so that whoever works in a terminal reads what the page of that name shows.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from contracts.moments import local_day, parse_us
from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import rows_of

_COLUMNS = ("agency", "feed", "status", "cadence", "due", "received", "on_time", "missing", "kpis")
_FOR_PEOPLE = ("status", "agency", "feed", "cadence", "latest due", "received", "next due", "missing", "kpis")


def register(app: typer.Typer) -> None:
    """Add this section's commands to ``app``."""
    app.command("feeds")(feeds)


def feeds(
    home: Home = None,
    agency: Annotated[str, typer.Option("--agency", help="Only what this agency is to report.")] = "",
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show which reports are expected from whom, the silent ones first."""
    from projections.feeds import feed_states

    with reading(home) as house:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            items = [one.to_json() for one in feed_states(connection, moment.moment_us, house.zone, agency=agency)]
        zone = house.zone
    silent = sum(item["status"] == "silent" for item in items)
    if how is OutputFormat.TABLE:
        notes = [f"{silent} of {len(items)} feeds are silent."]
        show(Result(None, _FOR_PEOPLE, [_row(item, zone) for item in items], notes=notes), how)
    else:
        show(Result({"as_of": moment.to_json(), "feeds": items}, _COLUMNS, rows_of(items, _COLUMNS)), how)


def _row(item: dict[str, Any], zone: str) -> list[Any]:
    def day(part: str, name: str) -> str | None:
        report = item[part]
        if report is None or report[name] is None:
            return None
        # Due is the end of a day: the moment at which the next one begins.
        return local_day(parse_us(report[name]) - (name == "due"), zone)

    return [
        item["status"],
        item["agency"],
        item["feed"],
        item["cadence"],
        day("latest", "due"),
        day("latest", "received"),
        day("next", "due"),
        item["missing"],
        ", ".join(item["kpis"]),
    ]
