"""``tallystick actions``: what was decided to be done, by whom and by when.

Here so that whoever works in a terminal reads what the page of that name shows, and can open and close an action
without writing an event by hand.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer

from ops.cli.opening import reading, writing_there
from ops.cli.options import AsOfText, Format, Home, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import rows_of

_COLUMNS = ("action", "state", "due", "owner", "plan", "what", "about", "closed", "evidence_ref")
_DECISIONS = ("decision", "decided", "motion", "votes", "dissent", "quorum")
_ORPHANS = ("kind", "id", "title", "lacks")
_RECORDED = ("action", "status", "log_index", "digest")
Speaker = Annotated[str, typer.Option("--agency", help="The agency that records the decision.")]


def register(app: typer.Typer) -> None:
    """Add this section's commands to ``app``."""
    group = typer.Typer(
        help="Who is to do what by when: list, open, close; what was decided, and what nobody answers for.",
        no_args_is_help=True,
    )
    group.command("list")(list_actions)
    group.command("open")(open_action)
    group.command("close")(close_action)
    group.command("decisions")(decisions)
    group.command("orphans")(orphans)
    app.add_typer(group, name="actions")


def list_actions(
    home: Home = None,
    owner: Annotated[str, typer.Option("--owner", help="What this agency is to do.")] = "",
    state: Annotated[str, typer.Option("--state", help="overdue, open, late or met; all if left out.")] = "",
    about: Annotated[
        str, typer.Option("--about", help="A KPI, obligation, restatement or decision they answer to.")
    ] = "",
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """List actions, what needs attention first."""
    from projections import followup

    with reading(home) as house:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            found = followup.actions(connection, moment.moment_us, owner=owner, state=state, about=about)
    items = [one.to_json() for one in found]
    through = followup.follow_through(found)
    notes = [f"Closed by their day: {through.in_time} of {through.due}; {through.open} open and not due yet."]
    body = {"as_of": moment.to_json(), "follow_through": through.to_json(), "actions": items}
    show(Result(body, _COLUMNS, rows_of(items, _COLUMNS), notes=notes), how)


def open_action(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What is to be done.")],
    plan: Annotated[str, typer.Option("--plan", help="The plan it belongs to.")],
    owner: Annotated[str, typer.Option("--owner", help="The agency that is to do it.")],
    due: Annotated[str, typer.Option("--due", metavar="DAY", help="The last day on which it is in time.")],
    agency: Speaker,
    action: Annotated[str, typer.Option("--id", help="The action's id; one is made if left out.")] = "",
    kpi: Annotated[str, typer.Option("--kpi", help="The KPI it answers to.")] = "",
    obligation: Annotated[str, typer.Option("--obligation", help="The obligation that was not met.")] = "",
    restatement: Annotated[str, typer.Option("--restatement", help="The restatement it answers to.")] = "",
    decision: Annotated[str, typer.Option("--decision", help="The committee's decision it carries out.")] = "",
    home: Home = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Open an action: somebody is to do WHAT by a day."""
    name = action or f"action-{uuid.uuid4().hex[:12]}"
    given = {"kpi": kpi, "obligation": obligation, "restatement": restatement, "decision": decision}
    about = {key: value for key, value in given.items() if value}
    data: dict[str, Any] = {"action": name, "plan": plan, "owner": owner, "due": due, "what": what}
    _record(home, agency, "action.opened", name, {**data, "about": about} if about else data, how)


def close_action(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="The action's id.")],
    evidence: Annotated[str, typer.Option("--evidence", help="Where the evidence is kept.")],
    agency: Speaker,
    note: Annotated[str, typer.Option("--note", help="What was done.")] = "",
    home: Home = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Close ACTION with evidence."""
    data = {"action": action, "evidence_ref": evidence}
    _record(home, agency, "action.closed", action, {**data, "note": note} if note else data, how)


def decisions(home: Home = None, as_of: AsOfText = None, how: Format = OutputFormat.TABLE) -> None:
    """List what the committee decided, with votes and dissent, the latest first."""
    from projections import followup

    with reading(home) as house:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            items = [one.to_json() for one in followup.decisions(connection, moment.moment_us)]
    show(
        Result({"as_of": moment.to_json(), "decisions": items}, _DECISIONS, rows_of(items, _DECISIONS)),
        how,
    )


def orphans(home: Home = None, as_of: AsOfText = None, how: Format = OutputFormat.TABLE) -> None:
    """List what has no owner, no measure or no source."""
    from projections import followup

    with reading(home) as house:
        moment = house.as_of(as_of)
        with house.reading(moment) as connection:
            items = [one.to_json() for one in followup.orphans(connection, moment.moment_us, house.zone)]
    show(Result({"as_of": moment.to_json(), "orphans": items}, _ORPHANS, rows_of(items, _ORPHANS)), how)


def _record(home: Home, agency: str, name: str, action: str, data: dict[str, Any], how: OutputFormat) -> None:
    from ops.deciding import decide

    with writing_there(home) as house:
        outcome, receipt = decide(
            house,
            name,
            data,
            subject=f"action/{action}",
            agency=agency,
            source=f"//{agency}/tallystick-cli",
        )
    told = {
        "action": action,
        "status": outcome.status,
        "log_index": receipt.log_index,
        "digest": receipt.digest.hex(),
    }
    show(Result(told, _RECORDED, rows_of([told], _RECORDED)), how)
