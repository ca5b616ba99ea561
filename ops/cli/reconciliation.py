"""``tallystick reconciliation``: both halves of every shared fact, side by side.

Here so that whoever works in a terminal reads what the page of that name shows.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, Limit, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import rows_of

_SUMS = ("fact", "claimer", "other", "claimed", "confirmed", "disputed", "pending", "pending_past_grace", "unmatched")
_ITEMS = (
    "fact",
    "key",
    "claimer",
    "other",
    "state",
    "past_grace",
    "at",
    "days_pending",
    "waits_for",
    "first_id",
    "first_digest",
    "second_id",
    "second_digest",
    "differences",
)
_DIGEST_SHOWN = 12
"""Characters of a digest in a table for people; JSON and CSV have all 64."""


def register(app: typer.Typer) -> None:
    """Add this section's commands to ``app``."""
    app.command("reconciliation")(reconciliation)


def reconciliation(
    one: Annotated[str, typer.Argument(metavar="[A]", help="An agency's id.")] = "",
    other: Annotated[
        str, typer.Argument(metavar="[B]", help="The other's; - for what A says and nobody is named for.")
    ] = "",
    home: Home = None,
    fact: Annotated[
        str, typer.Option("--fact", help="referral, service, training, funding or commitment; all if left out.")
    ] = "",
    state: Annotated[
        str,
        typer.Option(
            "--state", help="confirmed, disputed, pending, past_grace (of the pending) or unmatched; all if left out."
        ),
    ] = "",
    period: Annotated[
        str, typer.Option("--period", help="Only what happened in 2025-03, 2025-Q1 or 2025; all time if left out.")
    ] = "",
    limit: Limit = 100,
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show what is claimed, confirmed, disputed and pending between all agencies, or item by item between A and B."""
    if bool(one) != bool(other):
        raise typer.BadParameter("name two agencies, or none for the sums over all of them")
    if not one and (fact or state):
        raise typer.BadParameter("--fact and --state narrow the list of two agencies; name them")
    with reading(home) as house:
        from ops.both_halves import sums, walked

        moment = house.as_of(as_of)
        note = f"As of {moment.to_json()['moment']}."
        if one:
            found = walked(house, moment, one, other, fact=fact, state=state, period=period, limit=limit)
            more = found.total - len(found.items)
            result = _list(found, how, [note, *([f"{more} more are not shown; see --limit."] if more else [])])
        else:
            result = _sums(sums(house, moment, period), how, note)
    show(result, how)


def _list(found: object, how: OutputFormat, notes: list[str]) -> Result:
    from projections.halves.walk import ITEM_COLUMNS, Walk

    assert isinstance(found, Walk)
    rows = [item.flat() for item in found.items]
    columns = ITEM_COLUMNS
    if how is OutputFormat.TABLE:
        columns = _ITEMS
        for row in rows:
            for side in ("first_digest", "second_digest"):
                row[side] = row[side] and row[side][:_DIGEST_SHOWN]
    return Result(found.to_json(), columns, rows_of(rows, columns), notes=notes)


def _sums(found: object, how: OutputFormat, note: str) -> Result:
    from ops.http.readings.reconciliation import LINE_COLUMNS
    from projections.halves.sums import Reconciliation

    assert isinstance(found, Reconciliation)
    told = found.to_json()
    columns = _SUMS if how is OutputFormat.TABLE else LINE_COLUMNS
    waited = [
        f"{w.agency}: {w.pending} unanswered, {w.past_grace} of them past their grace"
        + (f"; {w.first_halves} answered by others and never stated" if w.first_halves else "")
        for w in found.waited_for()
    ]
    notes = [*(["Waited for: " + ". ".join(waited) + "."] if waited else []), note]
    return Result(told, columns, rows_of(told["lines"], columns), notes=notes)
