"""A definition that somebody wrote into a file: read, checked, put into words, and counted before it is decided.

Here because a partnership defines its own KPIs: whoever writes one has to see what it says and which values it would
give, and to be told the place of a mistake in the file, not in an event that they never wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from contracts.deciding import decision_event
from contracts.faults import FAULT_CLASSES, Fault, Problem, fault
from contracts.intake import validate
from contracts.kpi import KpiDefinition, Value
from contracts.ports import LogReader
from contracts.recorded import Rejected
from contracts.strictjson import loads
from projections.kpi import counting
from projections.kpi.cells import Reading, no_figures
from projections.kpi.check import check_definition
from projections.kpi.definitions import Definition, parse
from projections.kpi.explaining import high_water
from projections.kpi.figures import ALL_GROUPS, CellKey, Figures
from projections.kpi.history import Difference, between
from projections.kpi.measures import cell_figures
from projections.kpi.periods import ALL, current, grain_of, local_date
from projections.kpi.populations import table_of
from projections.kpi.sentence import explanation
from projections.kpi.shapes import AsOf, number

PERIODS_SHOWN = 5
"""The newest periods whose values a proposal shows, besides all time."""
SOURCE = "urn:tallystick:kpi-define"
_IN_EVENT = "/data/definition"
_NOBODY = "unnamed"
"""Stands for a plan, objective or agency that is not known while a definition is only looked at."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A definition as it would be decided, what it says, and what it would give.

    ``plan`` and ``objective`` are None where they are neither given nor to be found; such a proposal can be looked at
    and not decided. ``before`` is the version that counts until then, None for a new KPI; ``differences`` are against
    it. ``cells`` gives, by period, the figures of ``before`` (None where there is none) and of the new definition, for
    everyone; ``periods`` names them, the latest first.
    """

    definition: KpiDefinition
    rules: tuple[str, ...]
    plan: str | None
    objective: str | None
    owner: str | None
    effective_from: str
    before: Definition | None
    differences: tuple[Difference, ...]
    periods: tuple[str, ...]
    cells: Mapping[str, tuple[Figures | None, Figures]]

    def to_json(self) -> dict[str, Any]:
        return {
            "kpi": self.definition.kpi,
            "version": self.definition.version,
            "plan": self.plan,
            "objective": self.objective,
            "owner": self.owner,
            "effective_from": self.effective_from,
            "sentence": self.rules[0],
            "rules": list(self.rules),
            "version_before": None if self.before is None else self.before.body.version,
            "differences": [difference.to_json() for difference in self.differences],
            "cells": self.cell_rows(),
            "definition": self.definition.model_dump(mode="json", by_alias=True, exclude_none=True),
        }

    def cell_rows(self) -> list[dict[str, Any]]:
        """One row a period: the value by the version before, and what the new definition would give."""
        rows = []
        for period in self.periods:
            was, now = self.cells[period]
            rows.append(
                {
                    "period": period,
                    "value_before": None if was is None else number(was.value),
                    "value": number(now.value),
                    "unit": self.definition.unit,
                    "numerator": _exact(now.numerator),
                    "denominator": _exact(now.denominator),
                    "excluded": {reason: n for reason, n in now.excluded.items() if n},
                }
            )
        return rows


def _exact(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else number(value)


def propose(
    connection: Connection,
    raw: bytes,
    *,
    as_of: AsOf,
    zone: str,
    plan: str | None = None,
    objective: str | None = None,
    owner: str | None = None,
    effective_from: str | None = None,
) -> Proposal:
    """What a definition in a file (the bytes of one JSON object) says and would give, as the next version of its KPI.

    A file may leave ``version`` out. What is not given is as in the KPI's version before, else the one plan there is;
    it takes effect on the day of the reading. Raises RejectedFault with the place in the file: what is wrong with the
    JSON, with the definition, or with its columns.
    """
    given = loads(raw)
    if not isinstance(given, dict):
        raise fault("not_an_object", "a KPI definition is one JSON object")
    reading = Reading(connection, as_of, zone)
    last = _last_planned(reading, given.get("kpi"))
    following = 1 if last is None else last.body.version + 1
    stated = given.get("version")
    if isinstance(stated, int) and not isinstance(stated, bool) and stated != following:
        so_far = "not defined in a plan yet" if last is None else f"defined up to version {following - 1}"
        raise fault(
            "definition_invalid",
            f"{given.get('kpi')} is {so_far}; the next version is {following}, not {stated}",
            "/version",
            hint="Leave version out of the file: it is counted up.",
        )
    chosen_plan = plan or (last.plan if last is not None else None) or _only_plan(connection)
    day = effective_from or local_date(as_of.moment_us, zone).isoformat()
    same_plan = last is not None and chosen_plan == last.plan
    chosen_objective = objective or (last.objective if last is not None and same_plan else None)
    chosen_owner = owner or (last.owner if last is not None else None)
    body = _checked({**given, "version": given.get("version", following)}, day, chosen_owner)
    before = last or (reading.definitions.current(body.kpi, as_of.moment_us, zone))
    was = None if before is None or before.problem is not None else _figures(reading, before.body)
    now = _figures(reading, body)
    periods = _periods(body, {**(was or {}), **now}, as_of, zone)
    nothing = no_figures(parse(body.model_dump_json(by_alias=True)))
    return Proposal(
        definition=body,
        rules=tuple(explanation(body)),
        plan=chosen_plan,
        objective=chosen_objective,
        owner=chosen_owner,
        effective_from=day,
        before=before,
        differences=() if before is None else between(before.body, body),
        periods=periods,
        cells={
            period: (
                None if was is None else was.get((period, ALL_GROUPS)),
                now.get((period, ALL_GROUPS), nothing),
            )
            for period in periods
        },
    )


def decision(proposal: Proposal, agency: str, time_us: int) -> dict[str, Any]:
    """The ``kpi.defined`` event of a proposal, decided by ``agency`` at ``time_us`` (UTC microseconds).

    Raises RejectedFault ``definition_unplaced`` where no plan or objective is known, and ``definition_unchanged``
    where the version before says the same.
    """
    body = proposal.definition
    for what, option, found in (("plan", "--plan", proposal.plan), ("objective", "--objective", proposal.objective)):
        if found is None:
            raise fault(
                "definition_unplaced", f"which {what} {body.kpi} belongs to is not known; name it with {option}"
            )
    before = proposal.before
    if before is not None and before.plan is not None:
        stands = (before.plan, before.objective, before.owner, before.effective_from)
        same = all(difference.what == "version" for difference in proposal.differences)
        if same and stands == (proposal.plan, proposal.objective, proposal.owner, proposal.effective_from):
            raise fault("definition_unchanged", f"version {before.body.version} of {body.kpi} says the same")
    return _event(
        body.model_dump(mode="json", by_alias=True, exclude_none=True),
        body.kpi,
        body.version,
        plan=str(proposal.plan),
        objective=str(proposal.objective),
        owner=proposal.owner,
        effective_from=proposal.effective_from,
        agency=agency,
        time_us=time_us,
    )


def adopter(connection: Connection, reader: LogReader, plan: str) -> str | None:
    """The agency that adopted the latest version of a plan, which also decides what follows; None for no such plan."""
    adopted = None
    for event in reader.at(reader.about([f"plan/{plan}"], high_water(connection))):
        if event.type == "plan.adopted":
            adopted = event.agency
    return adopted


def _event(
    definition: dict[str, Any],
    kpi: str,
    version: int,
    *,
    plan: str,
    objective: str,
    owner: str | None,
    effective_from: str,
    agency: str,
    time_us: int,
) -> dict[str, Any]:
    data = {
        "plan": plan,
        "objective": objective,
        "kpi": kpi,
        "version": version,
        "definition": definition,
        "effective_from": effective_from,
    }
    return decision_event(
        "kpi.defined",
        data if owner is None else {**data, "owner": owner},
        subject=f"plan/{plan}",
        agency=agency,
        source=SOURCE,
        id=f"kpi.defined/{kpi}/{version}",
        time_us=time_us,
    )


def _checked(given: dict[str, Any], effective_from: str, owner: str | None) -> KpiDefinition:
    """The definition, judged as part of the event it is to become. Raises with a pointer into the definition."""
    kpi, version = given.get("kpi"), given.get("version")
    event = _event(
        given,
        kpi if isinstance(kpi, str) else "K0",
        version if isinstance(version, int) else 1,
        plan=_NOBODY,
        objective=_NOBODY,
        owner=owner,
        effective_from=effective_from,
        agency=_NOBODY,
        time_us=0,
    )
    judged = validate(orjson.dumps(event))
    if isinstance(judged, Rejected):
        raise _in_file(judged.problem)
    body = KpiDefinition.model_validate_json(orjson.dumps(given))
    problem = check_definition(body)
    if problem is not None:
        raise FAULT_CLASSES[problem.family](problem)
    return body


def _in_file(found: Problem) -> Fault:
    """The same problem with its place in the file. What lies outside the definition came with the command."""
    code, place = found.code, ""
    if found.pointer.startswith(_IN_EVENT):
        place = found.pointer.removeprefix(_IN_EVENT)
    elif found.pointer in ("/data/kpi", "/data/version"):  # taken from the definition
        code, place = "definition_invalid", found.pointer.removeprefix("/data")
    # Whoever wrote the file never saw the event.
    detail = found.detail.replace("kpi.defined has", "a KPI definition has")
    return fault(code, detail, place, hint=found.hint)


def _last_planned(reading: Reading, kpi: Any) -> Definition | None:
    """The latest version of a KPI that a plan defines."""
    if not isinstance(kpi, str):
        return None
    planned = [one for one in reading.definitions.versions(kpi) if one.plan is not None]
    return planned[-1] if planned else None


def _only_plan(connection: Connection) -> str | None:
    plans = table_of("plans")
    found, several = connection.execute(
        select(func.min(plans.c.plan), func.count()).where(plans.c.adopted.is_not(None))
    ).one()
    return found if several == 1 else None


def _periods(body: KpiDefinition, figures: Iterable[CellKey], as_of: AsOf, zone: str) -> tuple[str, ...]:
    """The newest periods in which there is something to count, at the definition's grain; then all time."""
    found = {period for period, group in figures if group == ALL_GROUPS and period != ALL}
    if isinstance(body.measure, Value):  # reported for periods of any grain, and never added up
        return tuple(sorted(found, reverse=True)[:PERIODS_SHOWN])
    running = current(as_of.moment_us, zone, body.period.grain)
    own = sorted((p for p in found if grain_of(p) == body.period.grain and p <= running), reverse=True)
    return (*(own[:PERIODS_SHOWN] or [running]), ALL)


def _figures(reading: Reading, body: KpiDefinition) -> dict[CellKey, Figures]:
    """The figures of every cell of a definition, counted now."""

    def valued() -> dict[tuple[str, int], set[str]]:
        return {one.key: reading.valued(one) for one in reading.definitions}

    count = counting.count(
        reading.connection,
        body,
        reading.as_of.moment_us,
        reading.zone,
        definitions=reading.definitions,
        valued=valued,
    )
    return cell_figures(body, count.partials.items())
