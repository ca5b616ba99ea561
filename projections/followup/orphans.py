"""Orphans: parts of a plan that nobody answers for, or that nothing stands behind.

Here because scorecards fail silently where an objective has no owner or an indicator has no source; local governments
publish scorecards most of whose objectives are unowned. Each is named, with the reason, so that it can be taken up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.kpi import Value
from projections.kpi import Definitions
from projections.kpi.partners import Memberships, is_live, memberships
from projections.obligations.in_force import agreements
from projections.obligations.states import moment_of
from projections.tables import TABLES

Kind = Literal["goal", "objective", "kpi", "indicator", "commitment", "action"]

_Told = tuple[Kind, str, str | None, str]


@dataclass(frozen=True, slots=True)
class Orphan:
    """One thing left alone: what kind, its id, its words, and what it lacks."""

    kind: Kind
    id: str
    plan: str | None
    title: str
    lacks: str

    def to_json(self) -> dict[str, Any]:
        """The published shape."""
        return {"kind": self.kind, "id": self.id, "plan": self.plan, "title": self.title, "lacks": self.lacks}


def orphans(connection: Connection, as_of_us: int, zone: str) -> list[Orphan]:
    """What lacks an owner, a measure or a source as of a moment, in the order of the plan.

    What is promised under an agreement that is over, by the days of ``zone``, is promised no longer, and no orphan.
    """
    partners = memberships(connection)
    definitions = [
        found
        for found in Definitions.load(connection)
        if found.plan is not None and not found.retired and found.problem is None
    ]
    return [
        *_goals(connection),
        *_objectives(connection, partners, as_of_us, {(one.plan, one.objective) for one in definitions}),
        *_kpis(connection, definitions, partners, as_of_us),
        *_commitments(connection, partners, as_of_us, zone),
        *_actions(connection, partners, as_of_us),
    ]


def _goals(connection: Connection) -> Iterator[Orphan]:
    objectives, goals = TABLES["objectives"], TABLES["goals"]
    served = {(row.plan, row.goal) for row in connection.execute(select(objectives.c.plan, objectives.c.goal))}
    for row in connection.execute(select(goals).order_by(goals.c.plan, goals.c.position, goals.c.goal)).mappings():
        if (row["plan"], row["goal"]) not in served:
            yield Orphan("goal", row["goal"], row["plan"], row["statement"], "no objective serves it")


def _objectives(
    connection: Connection, partners: Memberships, as_of_us: int, measured: set[tuple[str | None, str | None]]
) -> Iterator[Orphan]:
    table = TABLES["objectives"]
    for row in connection.execute(select(table).order_by(table.c.plan, table.c.goal, table.c.objective)).mappings():
        owners = orjson.loads(row["owners"]) if row["owners"] else []
        told: _Told = ("objective", row["objective"], row["plan"], row["statement"])
        if not owners:
            yield Orphan(*told, "no owner is named")
        elif not any(is_live(owner, partners, as_of_us) for owner in owners):
            yield Orphan(*told, f"no owner is a partner any more: {', '.join(sorted(owners))}")
        if (row["plan"], row["objective"]) not in measured:
            yield Orphan(*told, "no KPI measures it")


def _kpis(connection: Connection, definitions: list[Any], partners: Memberships, as_of_us: int) -> Iterator[Orphan]:
    feeds, indicators = TABLES["expected_feeds"], TABLES["indicators"]
    expected = {
        row.feed
        for row in connection.execute(select(feeds.c.feed, feeds.c.agency).where(feeds.c.expected == 1))
        if row.agency not in partners or is_live(row.agency, partners, as_of_us)
    }
    measured = set(connection.execute(select(indicators.c.kpi).distinct()).scalars())
    for found in definitions:
        body = found.body
        kind: Kind = "indicator" if isinstance(body.measure, Value) else "kpi"
        told: _Told = (kind, body.kpi, found.plan, body.title)
        if found.owner is None:
            yield Orphan(*told, "no owner is named")
        elif not is_live(found.owner, partners, as_of_us):
            yield Orphan(*told, f"its owner is no partner any more: {found.owner}")
        if found.objective is None:
            yield Orphan(*told, "it belongs to no objective")
        if isinstance(body.measure, Value):
            if body.kpi not in measured:
                yield Orphan(*told, "nobody has ever measured it")
        elif body.freshness.feeds and not expected & set(body.freshness.feeds):
            needed = ", ".join(body.freshness.feeds)
            yield Orphan(*told, f"nobody is expected to report what it lives on: {needed}")


def _commitments(connection: Connection, partners: Memberships, as_of_us: int, zone: str) -> Iterator[Orphan]:
    made = TABLES["commitments"]
    signed = agreements(connection, as_of_us, zone)
    query = select(made.c.commitment, made.c.agreement, made.c.obligor, made.c.deliverable, made.c.made_at)
    for row in connection.execute(query.where(made.c.made == 1).order_by(made.c.commitment)):
        agreement = signed.get(row.agreement)
        if agreement is None or agreement.over_at(as_of_us) or (row.made_at or 0) > as_of_us:
            continue
        if not is_live(row.obligor, partners, as_of_us):
            lacks = f"who owes it is no partner: {row.obligor}"
            yield Orphan("commitment", row.commitment, None, row.deliverable, lacks)


def _actions(connection: Connection, partners: Memberships, as_of_us: int) -> Iterator[Orphan]:
    table = TABLES["actions"]
    by_owner: dict[str, list[Any]] = defaultdict(list)
    query = select(table).where(table.c.opened == 1).order_by(table.c.due, table.c.action)
    for row in connection.execute(query).mappings():
        closed = row["closed"] and moment_of(row["closed_at"]) <= as_of_us
        if not closed and moment_of(row["opened_at"]) <= as_of_us:
            by_owner[row["owner"]].append(row)
    for owner, rows in sorted(by_owner.items()):
        if not is_live(owner, partners, as_of_us):
            for row in rows:
                yield Orphan("action", row["action"], row["plan"], row["what"], f"its owner is no partner: {owner}")
