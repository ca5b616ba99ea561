"""``tallystick obligations``: what is owed by whom to whom, by when, and what became of it.

Here so that whoever works in a terminal reads what the page of that name shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.moments import local_day
from ops.cli.opening import reading
from ops.cli.options import AsOfText, Format, Home, Limit, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import rows_of

if TYPE_CHECKING:
    from projections.obligations import Obligation, Survey

_COLUMNS = ("kind", "key", "state", "debtor", "creditor", "what", "since", "due", "met")
_FOR_PEOPLE = ("state", "due", "debtor", "creditor", "what", "met", "subject")
_MATRIX = ("debtor", "creditor", "overdue", "disputed", "open", "late", "met", "waived", "total")


def register(app: typer.Typer) -> None:
    """Add this section's commands to ``app``."""
    app.command("obligations")(obligations)


def obligations(
    home: Home = None,
    agency: Annotated[str, typer.Option("--agency", help="What this agency owes or is owed.")] = "",
    debtor: Annotated[str, typer.Option("--debtor", help="What this agency owes.")] = "",
    creditor: Annotated[str, typer.Option("--creditor", help="What this agency is owed.")] = "",
    state: Annotated[
        str, typer.Option("--state", help="overdue, disputed, open, late, met or waived; all if left out.")
    ] = "",
    kind: Annotated[str, typer.Option("--kind", help="referral, commitment, report, action, review or finding.")] = "",
    age: Annotated[str, typer.Option("--age", help="Days overdue: 0-7, 8-30, 31-90 or 90+.")] = "",
    due_from: Annotated[str, typer.Option("--due-from", metavar="DAY", help="Due on this day or later.")] = "",
    due_until: Annotated[str, typer.Option("--due-until", metavar="DAY", help="Due on this day or earlier.")] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="DAY", help="Leave out settled ones due before; by default a year before the reading."
        ),
    ] = "",
    matrix: Annotated[bool, typer.Option("--matrix", help="Count who owes whom instead of listing.")] = False,
    limit: Limit = 100,
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show what is owed by a date, what needs attention first."""
    from projections.obligations import asking, survey

    with reading(home) as house:
        moment = house.as_of(as_of)
        asked = asking(
            moment.moment_us,
            house.zone,
            kind=kind,
            debtor=debtor,
            creditor=creditor,
            agency=agency,
            state=state,
            age=age,
            since=since,
            due_from=due_from,
            due_until=due_until,
        )
        with house.reading(moment) as connection:
            found = survey(connection, moment.moment_us, house.zone, asked, limit=0 if matrix else limit)
        zone = house.zone
    body = {"as_of": moment.to_json(), **found.to_json()}
    notes = [f"As of {moment.to_json()['moment']}.", *_notes(found)]
    if matrix:
        rows = found.matrix()
        result = Result({**body, "matrix": rows}, _MATRIX, rows_of(rows, _MATRIX), notes=notes)
    else:
        items = [one.to_json() for one in found.listed]
        if found.total > len(items):
            notes.insert(0, f"{len(items):,} of {found.total:,} are shown; --limit shows more.")
        if how is OutputFormat.TABLE:
            result = Result(None, _FOR_PEOPLE, [_row(one, zone) for one in found.listed], notes=notes)
        else:
            result = Result({**body, "obligations": items}, _COLUMNS, rows_of(items, _COLUMNS))
    show(result, how)


def _row(one: Obligation, zone: str) -> list[str | None]:
    met = local_day(one.met_us, zone) if one.met_us is not None else None
    return [one.state, local_day(one.due_us, zone), one.debtor, one.creditor, one.what, met, one.subject]


def _notes(found: Survey) -> list[str]:
    counted = ", ".join(f"{n:,} {state}" for state, n in found.to_json()["states"].items() if n)
    said = [f"In all: {counted}." if counted else "Nothing is owed or was owed lately."]
    if found.not_owed:
        reasons = ", ".join(f"{reason.replace('_', ' ')} {n:,}" for reason, n in sorted(found.not_owed.items()))
        said.append(f"Not owed: {reasons}.")
    return said
