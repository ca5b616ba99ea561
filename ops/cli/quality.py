"""``tallystick quality``: how correct, complete, consistent and timely each agency's reports are.

Here so that whoever works in a terminal reads what the page of that name shows.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import rows_of

_SCORES = ("agency", "dimension", "checked", "held", "share")
_RULES = ("rule", "agency", "checked", "broken", "examples")
_OUTLIERS = ("kpi", "version", "period", "group", "value", "n", "z", "modified_z")


def register(app: typer.Typer) -> None:
    """Add this section's commands to ``app``."""
    app.command("quality")(quality)


def quality(
    home: Home = None,
    agency: Annotated[str, typer.Option("--agency", help="Only this agency's reports.")] = "",
    rules: Annotated[bool, typer.Option("--rules", help="List every rule by agency instead of the scores.")] = False,
    outliers: Annotated[bool, typer.Option("--outliers", help="List values that stand out instead.")] = False,
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show how sound each agency's reports are: a share of checks that held, by dimension."""
    from ops.quality import quality as found_at

    with reading(home) as house:
        moment = house.as_of(as_of)
        told = found_at(house, moment, agency=agency).to_json()
    name, columns = ("rules", _RULES) if rules else ("outliers", _OUTLIERS) if outliers else ("scores", _SCORES)
    open_flags = sum(not flag["resolved"] for flag in told["flags"])
    notes = [f"{open_flags} of {len(told['flags'])} doubts raised are open."]
    show(Result({"as_of": moment.to_json(), **told}, columns, rows_of(told[name], columns), notes=notes), how)
