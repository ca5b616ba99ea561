"""What is owed to all partners: expected reports, actions, scheduled reviews and audit findings.

Here because these follow one pattern: something was set with a due day, and it is done or it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, RowMapping

from contracts.moments import day_start_us
from projections.kpi.built import expected_reports
from projections.obligations.owed import PARTNERSHIP, Obligation, Source, fulfilment
from projections.obligations.states import Facts, moment_of, state_of
from projections.tables import TABLES


def report_obligations(connection: Connection, as_of_us: int, zone: str) -> Source:
    """Every report expected by a moment: due at the end of its period and grace, met when the ledger first heard of
    any day of the period. Costs one read of the feed's days for every expectation."""
    return Source(_reports(connection, as_of_us, zone))


def action_obligations(connection: Connection, as_of_us: int, zone: str) -> Source:
    """The actions opened by a moment: the owner owes them to all partners."""
    return Source(_actions(connection, as_of_us))


def review_obligations(connection: Connection, as_of_us: int, zone: str) -> Source:
    """The reviews scheduled by a moment: whoever scheduled one owes it to all partners."""
    return Source(_reviews(connection, as_of_us))


def finding_obligations(connection: Connection, as_of_us: int, zone: str) -> Source:
    """The audit findings with a due day: the owner owes their closing to whoever found them."""
    return Source(_findings(connection, as_of_us))


def _reports(connection: Connection, as_of_us: int, zone: str) -> Iterator[Obligation]:
    for row in expected_reports(connection, as_of_us, zone).rows:
        met = row["received_at"]
        # There the first moment of the next day is named; here, as of every due day, the last of the day itself.
        due = row["due_at"] - 1
        yield Obligation(
            "report",
            row["key"],
            row["agency"],
            PARTNERSHIP,
            f"{row['feed'].replace('_', ' ').capitalize()} report for {_covered(row)}",
            f"feed/{row['agency']}/{row['feed']}",
            day_start_us(row["first_day"], zone),
            due,
            *fulfilment(met, as_of_us),
            state_of(Facts(due, met), as_of_us),
        )


def _covered(row: Mapping[str, Any]) -> str:
    """What a report covers: a day, a week by its first day, a month, quarter or year."""
    whole_week = row["period"] == row["first_day"] != row["last_day"]
    return f"the week from {row['first_day']}" if whole_week else str(row["period"])


def _actions(connection: Connection, as_of_us: int) -> Iterator[Obligation]:
    for row in _set_by(connection, "actions", "opened", as_of_us):
        yield _done(
            "action",
            row["action"],
            row["owner"] or PARTNERSHIP,
            PARTNERSHIP,
            row["what"] or f"Action {row['action']}",
            row["opened_at"],
            row["due_at"],
            moment_of(row["closed_at"]) if row["closed"] else None,
            as_of_us,
        )


def _reviews(connection: Connection, as_of_us: int) -> Iterator[Obligation]:
    for row in _set_by(connection, "reviews", "scheduled", as_of_us):
        yield _done(
            "review",
            row["review"],
            row["scheduled_agency"] or PARTNERSHIP,
            PARTNERSHIP,
            f"Hold the review {row['review']}",
            row["scheduled_at"],
            row["due_at"],
            moment_of(row["held_at"]) if row["held"] else None,
            as_of_us,
        )


def _findings(connection: Connection, as_of_us: int) -> Iterator[Obligation]:
    for row in _set_by(connection, "audits", "found", as_of_us):
        yield _done(
            "finding",
            row["audit"],
            row["owner"] or PARTNERSHIP,
            row["agency"] or PARTNERSHIP,
            f"Close the finding: {row['what']}",
            row["found_at"],
            row["due_at"],
            moment_of(row["closed_at"]) if row["closed"] else None,
            as_of_us,
        )


def _set_by(connection: Connection, name: str, slot: str, as_of_us: int) -> Iterator[RowMapping]:
    table = TABLES[name]
    query = select(table).where(table.c[slot] == 1, table.c.due_at.is_not(None)).order_by(*table.primary_key.columns)
    for row in connection.execute(query).mappings():
        if (row[f"{slot}_at"] or 0) <= as_of_us:
            yield row


def _done(
    kind: Any,
    key: str,
    debtor: str,
    creditor: str,
    what: str,
    since_us: int | None,
    due_us: int,
    met: int | None,
    as_of_us: int,
) -> Obligation:
    subject = {"finding": "audit"}.get(kind, kind)
    return Obligation(
        kind,
        key,
        debtor,
        creditor,
        what,
        f"{subject}/{key}",
        since_us,
        due_us,
        *fulfilment(met, as_of_us),
        state_of(Facts(due_us, met), as_of_us),
    )
