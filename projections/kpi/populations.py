"""What can be counted: the read models as populations, with their columns and how a row leads to its
events.

A definition names a population and its columns; this table is what it is checked against. Two populations
have no table of their own and are built when they are needed: what reports were expected, and how each KPI
stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import BigInteger, Float, Table

Row = Mapping[str, Any]
Kind = Literal["text", "integer", "real"]


@dataclass(frozen=True, slots=True)
class Population:
    """A read model as a KPI sees it.

    ``key`` gives a row's key; ``subject`` the subject whose events made it ("" where many subjects' events
    did); ``time`` is the column that dates a row for freshness and ``period`` the one that places it in a
    month or period. ``marks`` are the tables whose changes change it. ``columns`` is only filled where the
    population is built. ``events`` says how its events are found: by subject, by when they were recorded,
    by when they happened, or the plan's; by subject, ``subject_column`` is the one column that
    ``subject`` looks at.
    """

    name: str
    key: Callable[[Row], str]
    subject: Callable[[Row], str]
    time: str | None = None
    period: str = "month"
    marks: frozenset[str] = frozenset()
    built: bool = False
    columns: Mapping[str, Kind] = field(default_factory=dict)
    events: Literal["subject", "recorded", "happened", "plan"] = "subject"
    subject_column: str = ""


EXPECTED_REPORTS: dict[str, Kind] = {
    "key": "text",
    "agency": "text",
    "feed": "text",
    "period": "text",
    "first_day": "text",
    "last_day": "text",
    "month": "text",
    "due_at": "integer",
    "received": "integer",
    "received_at": "integer",
    "on_time": "integer",
}
KPI_STATUS: dict[str, Kind] = {
    "key": "text",
    "kpi": "text",
    "version": "integer",
    "month": "text",
    "owner": "text",
    "owner_live": "integer",
    "value_current": "integer",
    "period": "text",
}


def _column(name: str) -> Callable[[Row], str]:
    return lambda row: str(row[name])


def _nobody(_: Row) -> str:
    return ""


POPULATIONS: dict[str, Population] = {
    population.name: population
    for population in (
        Population(
            "calls",
            _column("call"),
            lambda row: f"call/{row['call']}",
            time="occurred_at",
            marks=frozenset({"calls"}),
            subject_column="call",
        ),
        Population(
            "referrals",
            _column("referral"),
            lambda row: f"referral/{row['referral']}",
            time="requested_at",
            marks=frozenset({"referrals"}),
            subject_column="referral",
        ),
        Population(
            "services",
            _column("delivery"),
            lambda row: f"delivery/{row['delivery']}",
            time="delivered_at",
            marks=frozenset({"services"}),
            subject_column="delivery",
        ),
        Population(
            "obligations",
            _column("key"),
            lambda row: f"commitment/{row['commitment']}",
            time="due_at",
            marks=frozenset({"obligations", "commitments"}),
            subject_column="commitment",
        ),
        Population(
            "indicators",
            _column("key"),
            lambda row: f"indicator/{row['key']}",
            time="measured_at",
            period="period",
            marks=frozenset({"indicators"}),
            subject_column="key",
        ),
        Population(
            "entries",
            lambda row: f"{row['agency']}/{row['month']}/{row['bucket']}",
            _nobody,
            marks=frozenset({"entries"}),
            events="recorded",
        ),
        Population(
            "expected_reports",
            _column("key"),
            lambda row: f"feed/{row['agency']}/{row['feed']}",
            time="received_at",
            marks=frozenset({"reports", "expected_feeds", "agencies"}),
            built=True,
            columns=EXPECTED_REPORTS,
            events="happened",
        ),
        Population(
            "kpi_status",
            _column("key"),
            _nobody,
            marks=frozenset({"plans", "kpis", "kpi_histories", "agencies"}),
            built=True,
            columns=KPI_STATUS,
            events="plan",
        ),
    )
}


def table_of(name: str) -> Table:
    """The read-model table of a population. Raises KeyError where there is none."""
    from projections.tables import METADATA

    return METADATA.tables[name]


def columns_of(population: Population) -> Mapping[str, Kind]:
    """The columns a definition may name, with what they hold."""
    if population.built:
        return population.columns
    return {
        column.name: "integer"
        if isinstance(column.type, BigInteger)
        else "real"
        if isinstance(column.type, Float)
        else "text"
        for column in table_of(population.name).columns
    }
