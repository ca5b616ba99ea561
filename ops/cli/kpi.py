"""``tallystick kpi``: the cells of one KPI, its versions side by side, and a new definition from a file.

``tallystick kpi K06`` is the short form of ``tallystick kpi show K06``: what is asked for most takes the fewest words.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from contracts.faults import fault
from ops.cli.opening import reading, writing
from ops.cli.options import AsOfText, Format, Home, Limit, OutputFormat
from ops.cli.output import Result, show
from ops.delivery import CELL_COLUMNS, rows_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from contracts.kpi import KpiDefinition
    from ops.composition import House
    from projections.kpi.define import Proposal

Kpi = Annotated[str, typer.Argument(metavar="KPI", help="The KPI's id, such as K06.")]
Version = Annotated[int | None, typer.Option("--version", min=1, help="One version of the definition.")]

_SHORT = "show"


class OnBasis(StrEnum):
    """Which of the two halves a number rests on."""

    CLAIMED = "claimed"
    CONFIRMED = "confirmed"


COMPARED_COLUMNS = ("figure", "before", "after")
PROPOSED_COLUMNS = ("period", "value_before", "value", "unit", "numerator", "denominator", "excluded")


class _WithShortForm(TyperGroup):
    """A group whose first word may be a KPI instead of a command; it is then shown."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        asks_help = args[:1] and args[0] in self.get_help_option_names(ctx)
        if not asks_help and (not args or args[0] not in self.commands):
            args = [_SHORT, *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        cls=_WithShortForm,
        help="The cells of a KPI, its versions side by side, and a new definition from a file. "
        "`tallystick kpi K06` is short for `tallystick kpi show K06`.",
    )
    group.command(_SHORT)(kpi)
    group.command("define")(define)
    group.command("compare")(compare)
    app.add_typer(group, name="kpi")


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
    basis: Annotated[
        OnBasis, typer.Option("--basis", help="As claimed, or over what the other agency has confirmed.")
    ] = OnBasis.CLAIMED,
    as_of: AsOfText = None,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Show the cells of KPI."""
    from ops.versions import cells_on

    with reading(home) as house:
        moment = house.as_of(as_of)
        found = cells_on(house, basis.value, kpi=name, period=period, group=group, version=version, as_of=moment)
        cells = [cell.to_json() for cell in found]
    told: dict[str, Any] = {"as_of": moment.to_json(), "cells": cells}
    notes = [f"As of {moment.to_json()['moment']}."]
    if basis is OnBasis.CONFIRMED:
        told["basis"] = basis.value
        notes.append("As confirmed: only what the other agency has confirmed and does not dispute is counted.")
    show(Result(told, CELL_COLUMNS, rows_of(cells, CELL_COLUMNS), notes=notes), how)


def define(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A KPI definition: one JSON object.")],
    home: Home = None,
    plan: Annotated[str | None, typer.Option("--plan", help="The plan; left out where there is only one.")] = None,
    objective: Annotated[
        str | None, typer.Option("--objective", help="The objective it measures; as before if left out.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help="The agency answerable for it; as before if left out.")
    ] = None,
    effective_from: Annotated[
        str | None, typer.Option("--effective-from", metavar="DAY", help="The first day it counts; today if left out.")
    ] = None,
    agency: Annotated[
        str | None, typer.Option("--agency", help="Who decides; the agency that adopted the plan if left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it says and would give.")] = False,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Record the definition in FILE as the next version of its KPI.

    It is checked first; a mistake is told with its place in the file. Shows the definition in words, and the values it
    gives beside those of the version before.
    """
    from ops.deciding import take
    from projections.kpi.define import decision, propose

    raw = _bytes_of(file)
    with reading(home) as house:
        moment = house.as_of()
        with house.reading(moment) as connection:
            proposal = propose(
                connection,
                raw,
                as_of=moment,
                zone=house.zone,
                plan=plan,
                objective=objective,
                owner=owner,
                effective_from=effective_from,
            )
            decided_by = agency or _adopter(connection, house, proposal)
    recorded = None
    if not dry_run:
        with writing(home) as house:
            _, receipt = take(house, decision(proposal, decided_by, house.now_us()))
        recorded = receipt.log_index
    told = proposal.to_json() | {"log_index": recorded}
    show(Result(told, PROPOSED_COLUMNS, rows_of(told["cells"], PROPOSED_COLUMNS), notes=_said(proposal, recorded)), how)


def compare(
    name: Kpi,
    home: Home = None,
    versions: Annotated[
        str, typer.Option("--versions", metavar="A,B", help="The two versions; one of them with --file.")
    ] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="A definition that is not recorded, instead of the second version.")
    ] = None,
    period: Annotated[str, typer.Option("--period", help='2025-03, 2025-Q1, 2025 or "all".')] = "all",
    group: Annotated[str, typer.Option("--group", help='"all", agency:<name> and so on.')] = "all",
    move: Annotated[str | None, typer.Option("--move", help="List only the records of this kind of move.")] = None,
    as_of: AsOfText = None,
    limit: Limit = 50,
    how: Format = OutputFormat.TABLE,
) -> None:
    """Set two versions of KPI side by side over one period, with the records that count differently."""
    from ops.versions import compared, pair

    with reading(home) as house:
        moment = house.as_of(as_of)
        first, second = pair(versions) if file is None else (_one_version(versions), _from_file(house, file))
        found = compared(house, name, first, second, period, group, as_of=moment, move=move, limit=limit)
    told = found.to_json()
    before, after = told["before"], told["after"]
    rows: list[list[Any]] = [
        [what, before[what], after[what]] for what in ("version", "value", "numerator", "denominator")
    ]
    rows.extend(
        [f"left out: {reason}", before["excluded"].get(reason, 0), after["excluded"].get(reason, 0)]
        for reason in dict.fromkeys((*before["excluded"], *after["excluded"]))
    )
    notes = [f"Before: {before['sentence']}", f"After: {after['sentence']}"]
    notes += [f"Only before: {line}" for line in told["sentences"]["only_before"] if line != before["sentence"]]
    notes += [f"Only after: {line}" for line in told["sentences"]["only_after"] if line != after["sentence"]]
    notes += [
        f"{one['rows']:,} records moved, {one['move']}: numerator {one['numerator']:+}, "
        f"denominator {one['denominator']:+}."
        for one in told["moves"]
    ]
    for row in told["rows"]:
        events = ", ".join(str(event["log_index"]) for event in row["events"]) or "none of its own"
        notes.append(f"{row['subject'] or row['key']}: {_role(row['from'])} -> {_role(row['to'])}; events {events}.")
    if told["row_count"] > len(told["rows"]):
        notes.append(f"{len(told['rows']):,} of {told['row_count']:,} records are listed.")
    show(Result(told, COMPARED_COLUMNS, rows, notes=notes), how)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise fault("file_missing", f"there is no file {file}") from error
    except OSError as error:
        raise fault("file_unreadable", f"{file} cannot be read: {error.strerror}") from error


def _from_file(house: House, file: Path) -> KpiDefinition:
    from projections.kpi.define import propose

    moment = house.as_of()
    with house.reading(moment) as connection:
        return propose(connection, _bytes_of(file), as_of=moment, zone=house.zone).definition


def _one_version(text: str) -> int:
    from ops.versions import version

    return version(text)


def _adopter(connection: Connection, house: House, proposal: Proposal) -> str:
    from projections.kpi.define import adopter

    found = None if proposal.plan is None else adopter(connection, house.reader, proposal.plan)
    # Without a plan the decision is refused for want of one, whoever takes it.
    return found or proposal.owner or "unnamed"


def _said(proposal: Proposal, recorded: int | None) -> list[str]:
    body = proposal.definition
    where = f"{body.kpi} version {body.version}"
    head = f"{where} is not recorded: this was a dry run." if recorded is None else f"{where} is event {recorded}."
    placed = f"Plan {proposal.plan or 'not known'}, objective {proposal.objective or 'not known'}, "
    placed += f"owner {proposal.owner or 'nobody'}, in force from {proposal.effective_from}."
    return [head, placed, *proposal.rules]


def _role(role: dict[str, Any]) -> str:
    if role["role"] == "excluded":
        return f"left out as {role['reason']}"
    said = {"absent": "not in it", "denominator": "counted", "numerator": "counted, condition met", "less": "taken off"}
    told = said.get(role["role"], "of a person counted by another record")
    return f"{told} ({', '.join(role['parts'])})" if role["parts"] else told
