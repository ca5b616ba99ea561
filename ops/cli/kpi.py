"""``tallystick kpi``: the cells of one KPI.

Every period and group of a definition's version, or the one that is asked for.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import CELL_COLUMNS, rows_of

Kpi = Annotated[str, typer.Argument(metavar="KPI", help="The KPI's id, such as K06.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="One version of the definition.")]


def register(app: typer.Typer) -> None:
    app.command("kpi")(kpi)


def kpi(
    name: Kpi,
    home: Home = None,
    period: Annotated[
        str | None,
        typer.Option("--period", help='2025-03, 2025-Q1, 2025 or "all"; every period if left out.'),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", help='"all", agency:<name> and so on; every group if left out.')
    ] = None,
    version: Version = None,
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show the cells of KPI."""
    with reading(home) as house:
        moment = house.as_of(as_of)
        found = house.cells(kpi=name, period=period, group=group, version=version, as_of=moment)
        cells = [cell.to_json() for cell in found]
    show(
        Result(
            {"as_of": moment.to_json(), "cells": cells},
            CELL_COLUMNS,
            rows_of(cells, CELL_COLUMNS),
            notes=[f"As of {moment.to_json()['moment']}."],
        ),
        how,
    )
