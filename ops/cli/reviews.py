"""``tallystick reviews``: what was known at a review, and what has been restated since.

Here so that whoever works in a terminal reads what the page of that name shows, and so that holding a review, which
fixes the digest of what was seen, is one command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.faults import fault
from contracts.moments import format_us, local_day
from ops.cli.opening import reading, writing_there
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import rows_of

if TYPE_CHECKING:
    from ops.composition import House
    from projections.reviews import Restatement

_COLUMNS = ("review", "plan", "due", "held_at", "as_of", "moment", "cells", "cells_sha256", "matches", "restatements")
RESTATEMENT_COLUMNS = ("kpi", "version", "period", "group", "unit", "old", "new", "late", "events")

Review = Annotated[str, typer.Argument(metavar="REVIEW", help="The review's id, such as 2025-q1.")]
Plan = Annotated[str, typer.Option("--plan", help="The plan that is reviewed.")]
ReviewId = Annotated[str, typer.Option("--review", help="The review's id, such as 2025-q1.")]
Agency = Annotated[
    str | None, typer.Option("--agency", help="Who decides; the agency that adopted the plan if left out.")
]


def register(app: typer.Typer) -> None:
    """Add this section's commands to ``app``."""
    group = typer.Typer(help="What was known at a review, and what has been restated since.", no_args_is_help=False)
    group.callback(invoke_without_command=True)(every)
    group.command("show")(one)
    group.command("schedule")(schedule)
    group.command("hold")(hold)
    app.add_typer(group, name="reviews")


def every(
    context: typer.Context,
    home: Home = None,
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """List the reviews: due, held, whether the digest of what was seen matches, and how many numbers were restated."""
    if context.invoked_subcommand is not None:
        return
    from ops.reviewing import reviews_of

    with reading(home) as house:
        moment = house.as_of(as_of)
        desk = reviews_of(house)
        items = [desk.line(held, moment) for held in desk.every(moment)]
    body = {"as_of": moment.to_json(), "reviews": items}
    show(Result(body, _COLUMNS, rows_of(items, _COLUMNS), notes=[f"As of {moment.to_json()['moment']}."]), how)


def one(review: Review, home: Home = None, as_of: AsOfText = None, how: Format = OutputFormat.TABLE) -> None:
    """Show what REVIEW fixed, and every number of it that is another now, with the events responsible."""
    from ops.reviewing import reviews_of

    with reading(home) as house:
        moment = house.as_of(as_of)
        desk = reviews_of(house)
        held = desk.one(review, moment)
        if not held.held:
            raise fault("not_found", f"the review {review!r} has not been held; it is due {held.due}")
        opened = desk.open(held, moment)
        told = {"as_of": moment.to_json(), **opened.to_json(), "cells": list(opened.snapshot.cells.values())}
        zone = house.zone
    columns = ("KPI", "period", "group", "then", "now", "unit", "events", "late")
    rows = [_row(found) for found in opened.restated]
    if how is OutputFormat.CSV:
        items = told["restatements"]
        show(Result(told, RESTATEMENT_COLUMNS, rows_of(items, RESTATEMENT_COLUMNS)), how)
        return
    matches = "the same as stated" if opened.matches else f"NOT the {held.cells:,} cells of digest {held.sha256}"
    notes = [
        f"Review {held.review} of {held.plan}, held {local_day(held.held_at_us or 0, zone)} as of event "
        f"{held.as_of:,} at {format_us(held.moment_us or 0)}.",
        f"{len(opened.snapshot.cells):,} cells, digest {opened.snapshot.sha256}: {matches}.",
        f"{len(rows):,} numbers of periods that were over then are others now.",
    ]
    notes += [
        f"{kpi}: {change.event.type}, event {change.event.log_index:,}, decided since."
        for kpi, changes in opened.decided.items()
        for change in changes
    ]
    show(Result(told, columns, rows, notes=notes), how)


def schedule(
    plan: Plan,
    review: ReviewId,
    due: Annotated[str, typer.Option("--due", metavar="DAY", help="The last day on which it is held in time.")],
    agency: Agency = None,
    home: Home = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Record the decision to hold a review by a day."""
    from ops.reviewing import decide

    with writing_there(home) as house:
        house.catch_up()
        index = decide(house, "review.scheduled", review, agency or _adopter(house, plan), {"plan": plan, "due": due})
    told = {"review": review, "plan": plan, "due": due, "log_index": index}
    show(Result(told, tuple(told), rows_of([told], tuple(told))), how)


def hold(
    plan: Plan,
    review: ReviewId,
    as_of: AsOfText = None,
    agency: Agency = None,
    home: Home = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Freeze the plan's cells as known now, or at an earlier moment, and record the review with their digest."""
    from ops.reviewing import decide, reviews_of
    from projections.kpi import AsOf

    with writing_there(home) as house:
        house.catch_up()
        asked = house.as_of(as_of)
        index = house.reader.head().log_index if asked.log_index is None else asked.log_index
        if not index:
            raise fault("plan_not_adopted", "nothing is recorded yet, so there is nothing to review")
        moment = AsOf(asked.moment_us, index)
        snapshot = reviews_of(house).freeze(plan, moment)
        data = {
            "plan": plan,
            "as_of": index,
            "moment": format_us(moment.moment_us),
            "cells_sha256": snapshot.sha256,
            "cells": len(snapshot.cells),
        }
        recorded = decide(house, "review.held", review, agency or _adopter(house, plan), data)
        house.catch_up()
        desk = reviews_of(house)
        desk.snapshot(desk.one(review, house.as_of()))
    told = {"review": review, **data, "log_index": recorded}
    show(Result(told, tuple(told), rows_of([told], tuple(told))), how)


def _adopter(house: House, plan: str) -> str:
    from projections.kpi.define import adopter

    with house.viewing() as connection:
        # Of a plan that nobody adopted every decision is refused, whoever takes it.
        return adopter(connection, house.reader, plan) or "unnamed"


def _row(found: Restatement) -> list[Any]:
    kpi, version, period, group = found.name
    late = ", ".join(f"{agency} {days} days" for agency, days in found.late_reporters().items())
    figures = [_figure(found.old), _figure(found.new)]
    return [f"{kpi} v{version}", period, group, *figures, found.unit, len(found.events), late]


def _figure(figures: Any) -> str:
    of = "" if figures["denominator"] is None else f" ({figures['numerator']} of {figures['denominator']})"
    return f"{'none' if figures['value'] is None else figures['value']}{of}"
