"""``tallystick rejections``: what was sent and broke its contract.

Each is kept with its code, pointer and hint and with the bytes as sent, so that it can be corrected and
sent again.
"""

from __future__ import annotations

from typing import Annotated

import typer

from contracts.faults import fault
from ops.cli.opening import reading_as_is
from ops.cli.options import Format, Home, Limit, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import REJECTION_COLUMNS, rejection_json, rows_of

_NUMBER_MAX = 10**18  # no ledger keeps so many, and SQLite takes no more


def register(app: typer.Typer) -> None:
    app.command("rejections")(rejections)


def rejections(
    home: Home = None,
    number: Annotated[
        int | None,
        typer.Option("--show", metavar="N", min=1, max=_NUMBER_MAX, help="Show rejection N with the bytes as sent."),
    ] = None,
    after: Annotated[int, typer.Option("--after", min=0, max=_NUMBER_MAX, help="Start behind this number.")] = 0,
    limit: Limit = 100,
    how: Format = OutputFormat.TABLE,
) -> None:
    """List kept rejections, oldest first, or show one."""
    with reading_as_is(home) as house:
        if number is None:
            items = [rejection_json(kept) for kept in house.rejections(limit, after)]
            show(Result({"rejections": items}, REJECTION_COLUMNS, rows_of(items, REJECTION_COLUMNS)), how)
            return
        found = house.rejections(1, number - 1)
    if not found or found[0].number != number:
        raise fault("not_found", f"there is no rejection {number}")
    told = rejection_json(found[0], with_raw=True)
    show(Result(told, ("member", "value"), [[name, value] for name, value in told.items()]), how)
