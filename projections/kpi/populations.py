"""What can be counted: the read models as populations, with their columns and how a row leads to its
events.

A definition names a population and its columns; this table is what it is checked against. Some populations
have no table of their own: those that are built when they are needed (what reports were expected, how each KPI
stood, who was trained together, what commitments still oblige to), and one that is joined from two tables
(referrals with their first service).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import BigInteger, Float, Table

from projections.derive import OBLIGATIONS
from projections.merges import Model, SubjectKey
from projections.models import MODELS

Row = Mapping[str, Any]
Kind = Literal["text", "integer", "real"]


@dataclass(frozen=True, slots=True)
class Population:
    """A read model as a KPI sees it.

    ``key`` gives a row's key; ``subject`` the subject whose events made it ("" where many subjects' events
    did); ``time`` is the column that dates a row for freshness and ``period`` the one that places it in a
    month or period. ``marks`` are the tables whose changes change it. ``columns`` is only filled where the
    population is built, or joined to its ``table``. ``events`` says how its events are found: by subject, by when
    they were recorded, by when they happened, the plan's, those of the trainings and their agencies, or those of the
    commitments and their agreements; by subject, ``subject_column`` is the one column that ``subject`` looks at. A
    change of a table in ``reach`` in some month may change rows of that month and of so many months before it.
    """

    name: str
    key: Callable[[Row], str]
    subject: Callable[[Row], str]
    time: str | None = None
    period: str = "month"
    marks: frozenset[str] = frozenset()
    built: bool = False
    columns: Mapping[str, Kind] = field(default_factory=dict)
    events: Literal["subject", "recorded", "happened", "plan", "trainings", "agreements"] = "subject"
    subject_column: str = ""
    table: str = ""
    reach: Mapping[str, int] = field(default_factory=dict)


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
TRAINED_STAFF: dict[str, Kind] = {
    "key": "text",
    "training": "text",
    "agency": "text",
    "staff": "text",
    "kind": "text",
    "course": "text",
    "held_at": "integer",
    "month": "text",
    "sectors": "integer",
    "joint": "integer",
}
OWED: dict[str, Kind] = {
    **{name: "text" if kind == "json" else kind for name, kind in OBLIGATIONS.columns},
    "agreement": "text",
    "not_owed": "text",
    "released": "integer",
    "contested": "integer",
}
"""What a commitment's obligations hold, and what follows from its agreement (``projections.obligations.counted``)."""
FIRST_SERVICE: dict[str, Kind] = {"first_served_at": "integer"}
FIRST_SERVICE_MONTHS = 7
"""The months in which a first service within ``joined.FIRST_SERVICE_DAYS`` of a request can lie, less one."""


def _column(name: str) -> Callable[[Row], str]:
    return lambda row: str(row[name])


def _nobody(_: Row) -> str:
    return ""


def _own(name: str, key: str, time: str, *, subject: str = "", prefix: str = "", **more: Any) -> Population:
    """A population with a table: its key column, the one its events' subject is made of, and what dates a row."""
    about = subject or key
    return Population(
        name,
        _column(key),
        lambda row: f"{prefix or about}/{row[about]}",
        time=time,
        marks=frozenset({more.get("table", name), *more.get("reach", ())}),
        subject_column=about,
        **more,
    )


POPULATIONS: dict[str, Population] = {
    population.name: population
    for population in (
        _own("calls", "call", "occurred_at"),
        _own("referrals", "referral", "requested_at"),
        _own("services", "delivery", "delivered_at"),
        _own("arrests", "arrest", "made_at"),
        _own("incidents", "incident", "used_at"),
        _own("trainings", "training", "held_at"),
        _own("attendances", "key", "held_at", subject="training"),
        _own("certifications", "certification", "earned_at"),
        _own("staffing", "key", "reported_at", prefix="staffing"),
        _own("transactions", "transaction", "happened_at"),
        _own("surveys", "survey", "collected_at"),
        _own("engagements", "engagement", "held_at"),
        _own("inputs", "input", "recorded_at"),
        _own("disclosures", "disclosure", "made_at"),
        _own("quality_flags", "flag", "flagged_at"),
        _own("meetings", "meeting", "held_at"),
        _own("decided", "decision", "recorded_at"),
        _own("actions", "action", "due_at"),
        _own("reviews", "review", "due_at"),
        _own("audits", "audit", "found_at"),
        Population(
            "obligations",
            _column("key"),
            lambda row: f"commitment/{row['commitment']}",
            time="due_at",
            marks=frozenset({"obligations", "commitments", "agreements"}),
            built=True,
            columns=OWED,
            events="agreements",
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
        _own(
            "referrals_served",
            "referral",
            "requested_at",
            table="referrals",
            reach={"services": FIRST_SERVICE_MONTHS},
            columns=FIRST_SERVICE,
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
            "trained_staff",
            _column("key"),
            lambda row: f"training/{row['training']}",
            time="held_at",
            marks=frozenset({"trainings", "agencies"}),
            built=True,
            columns=TRAINED_STAFF,
            events="trainings",
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


def _by_itself(model: Model) -> Population | None:
    """The population of a model that nobody has described here: one with a row a subject, placed by a month."""
    dated = next((fill.column for slot in model.slots for fill in slot.fills if fill.origin == "time"), None)
    if not isinstance(model.key, SubjectKey) or model.month_column is None or dated is None:
        return None
    return _own(model.name, model.key_column, dated, prefix=model.key.prefix.rstrip("/"))


# A family that is added needs no line here: its model can be counted as it stands.
POPULATIONS |= {
    found.name: found for model in MODELS if model.name not in POPULATIONS and (found := _by_itself(model)) is not None
}


def table_of(name: str) -> Table:
    """The read-model table of a population. Raises KeyError where there is none."""
    from projections.tables import METADATA

    return METADATA.tables[name]


def columns_of(population: Population) -> Mapping[str, Kind]:
    """The columns a definition may name, with what they hold."""
    if population.built:
        return population.columns
    kept: dict[str, Kind] = {
        column.name: "integer"
        if isinstance(column.type, BigInteger)
        else "real"
        if isinstance(column.type, Float)
        else "text"
        for column in table_of(population.table or population.name).columns
    }
    return {**kept, **population.columns}
