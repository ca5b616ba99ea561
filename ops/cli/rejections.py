"""``tallystick rejections``: what was sent and broke its contract.

Each is kept with its code, pointer and hint and with the bytes as sent, so that it can be corrected and
sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.faults import fault
from contracts.moments import local_day
from ops.cli.opening import reading_as_is
from ops.cli.options import Format, Home, Limit, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import REJECTION_COLUMNS, rejection_json, rows_of

if TYPE_CHECKING:
    from domain.rejections import KeptRejection

_FOR_PEOPLE = ("number", "code", "at", "what was wrong", "agency", "id", "times", "last")
_NUMBER_MAX = 10**18  # no ledger keeps so many, and SQLite takes no more


def register(app: typer.Typer) -> None:
    app.command("rejections")(rejections)


def _row(kept: KeptRejection, zone: str) -> list[Any]:
    """What fits beside each other on a narrow screen: what was wrong, where, and whose it was."""
    problem = kept.problem
    last = local_day(kept.last_received_at_us, zone)
    return [kept.number, problem.code, problem.pointer, problem.detail, kept.agency, kept.id, kept.times, last]


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
            found = house.rejections(limit, after)
            if how is OutputFormat.TABLE:
                rows = [_row(kept, house.zone) for kept in found]
                notes = ["`tallystick rejections --show N` shows all of one, with the hint and what was sent."]
                show(Result(None, _FOR_PEOPLE, rows, notes=notes if rows else []), how)
                return
            items = [rejection_json(kept) for kept in found]
            show(Result({"rejections": items}, REJECTION_COLUMNS, rows_of(items, REJECTION_COLUMNS)), how)
            return
        found = house.rejections(1, number - 1)
    if not found or found[0].number != number:
        raise fault("not_found", f"there is no rejection {number}")
    told = rejection_json(found[0], with_raw=True)
    show(Result(told, ("member", "value"), [[name, value] for name, value in told.items()]), how)
