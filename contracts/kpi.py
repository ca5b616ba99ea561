"""A KPI definition as data: a closed set of operators over the columns of read models.

A number that partners hold each other to has to be readable, comparable between versions and computed the
same way by anyone, so a definition is a document and never code. What it may refer to (the columns of its
population) is checked where the read models live, in ``projections.kpi.check``.

Conditions (``contracts.kpi_conditions``) say which rows; ``timing`` and a ratio's further rows
(``contracts.kpi_rows``) say when and of what; a measure (``contracts.kpi_measures``) says what is made of them.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from contracts.kpi_conditions import (
    After,
    AllOf,
    AnyOf,
    Before,
    Column,
    Condition,
    Differs,
    ElapsedAtMost,
    Eq,
    In,
    IsNull,
    Name,
    Ne,
    Not,
    NotNull,
    Part,
    Past,
    Scalar,
    Sentence,
)
from contracts.kpi_measures import (
    AlsoDuration,
    AlsoPercentile,
    AlsoShareAtMost,
    Concentration,
    Count,
    Duration,
    Gap,
    Lowest,
    Mean,
    Measure,
    NamedShare,
    Number,
    Percentile,
    Ratio,
    Return,
    Share,
    Split,
    SplitPart,
    Total,
    Value,
    Within,
)
from contracts.kpi_rows import Exclusion, Latest, Open, Rolling, Rows, Timing

SCHEMA_ID = "https://tallystick.example/schemas/kpi-definition.json"
"""The ``$id`` of the published schema: an identifier, not an address to fetch."""


class PeriodRule(Part):
    """Which column places a row in time, and at which grain the committee reads the KPI."""

    on: Column = Field(description="The column that holds the row's month or period in the partnership's time zone.")
    grain: Literal["month", "quarter", "year"]


class Rounding(Part):
    """How the value is rounded for reading; nothing is rounded before."""

    digits: Annotated[int, Field(ge=0, le=6)]
    mode: Literal["half_even"]


class Freshness(Part):
    """When the KPI's newest value is too old to be shown as current, and which feeds it lives on."""

    cadence: Literal["month", "quarter", "year"]
    grace_days: Annotated[int, Field(ge=0, le=366)]
    feeds: Annotated[tuple[Name, ...], Field(max_length=16)] = ()


class KpiDefinition(Part):
    """One version of one KPI."""

    kpi: str = Field(pattern=r"^[A-Z][A-Z0-9_-]*$", max_length=20, description="The KPI's id, such as K06.")
    version: int = Field(ge=1, le=10_000, description="A changed definition is a new version.")
    title: str = Field(min_length=1, max_length=120)
    question: Literal["how_much", "how_well", "better_off", "population"] = Field(
        description="Results-Based Accountability: how much did we do, how well did we do it, is anyone "
        "better off; population marks a condition shared by all and attributed to no one agency."
    )
    direction: Literal["up", "down", "none"] = Field(description="Which way is good.")
    unit: Literal["percent", "points", "per_1000", "minutes", "days", "months", "count", "number"] = Field(
        description="points: percentage points; per_1000: for every 1,000 of the denominator."
    )
    unit_of_count: str = Field(min_length=1, max_length=120, description="What one of the things counted is.")
    population: Name = Field(description="The read model whose rows are counted.")
    weight: Column | None = Field(
        default=None, description="A column with how many things one row stands for; absent means one."
    )
    period: PeriodRule
    timing: Timing | None = Field(
        default=None, description="How rows stand at the end of a period; absent means that a row counts in its month."
    )
    distinct: Column | None = Field(
        default=None,
        description="A column whose different values are counted once each within a group; needs a timing, because "
        "over several months what comes back would count again.",
    )
    scope: Condition | None = Field(default=None, description="Rows the KPI is about; others are not mentioned.")
    exclude: tuple[Exclusion, ...] = Field(default=(), max_length=16)
    measure: Measure
    group_by: Column | None = Field(default=None, description="The column by which cells are also given.")
    empty: Literal["no_value"] = Field(description="What an empty denominator yields: no value, never 0.")
    censoring: Sentence = Field(description="How rows are treated whose outcome cannot be known yet.")
    late_data: Literal["restate"] = Field(description="What late data do: the period they belong to is restated.")
    rounding: Rounding
    suppression: Literal["none", "people"] = Field(
        description="people: counts of 1 to 10 are not published (CMS cell suppression rule)."
    )
    freshness: Freshness
    changed_by: Sentence = Field(description="Who may change this definition.")
    source: Sentence = Field(description="Where the definition comes from.")

    @model_serializer(mode="wrap")
    def _without_absent(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A definition that does without a later addition reads, and has the fingerprint, as before it."""
        body: dict[str, Any] = write(self)
        return {name: value for name, value in body.items() if name not in ("timing", "distinct") or value is not None}


def kpi_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a KPI definition, as committed in ``contracts/schemas``."""
    body = KpiDefinition.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **body}


def kpi_schema_text() -> str:
    """The published schema file's exact text."""
    return json.dumps(kpi_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


__all__ = [
    "SCHEMA_ID",
    "After",
    "AllOf",
    "AlsoDuration",
    "AlsoPercentile",
    "AlsoShareAtMost",
    "AnyOf",
    "Before",
    "Column",
    "Concentration",
    "Condition",
    "Count",
    "Differs",
    "Duration",
    "ElapsedAtMost",
    "Eq",
    "Exclusion",
    "Freshness",
    "Gap",
    "In",
    "IsNull",
    "KpiDefinition",
    "Latest",
    "Lowest",
    "Mean",
    "Measure",
    "Name",
    "NamedShare",
    "Ne",
    "Not",
    "NotNull",
    "Number",
    "Open",
    "Past",
    "Percentile",
    "PeriodRule",
    "Ratio",
    "Return",
    "Rolling",
    "Rounding",
    "Rows",
    "Scalar",
    "Sentence",
    "Share",
    "Split",
    "SplitPart",
    "Timing",
    "Total",
    "Value",
    "Within",
    "kpi_schema",
    "kpi_schema_text",
]
