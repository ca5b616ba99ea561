"""A KPI definition as data: a closed set of operators over the columns of one read model.

A number that partners hold each other to has to be readable, comparable between versions and computed the
same way by anyone, so a definition is a document and never code. What it may refer to (the columns of its
population) is checked where the read models live, in ``projections.kpi.check``.

Every condition is two-valued: a comparison with an absent value is not met, and ``not`` is plain negation.
Moments are UTC microseconds; days are spans of 24 hours.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_ID = "https://tallystick.example/schemas/kpi-definition.json"
"""The ``$id`` of the published schema: an identifier, not an address to fetch."""

Column = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40, description="A column of the population's rows."),
]
Name = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_+-]*$", max_length=40, description="A short machine-readable name."),
]
Sentence = Annotated[str, Field(min_length=1, max_length=1000)]
Scalar = Annotated[str, Field(max_length=200)] | Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)] | bool
"""What a column may be compared with. True and False are 1 and 0 in the rows."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Eq(_Part):
    """Met when the column holds exactly this value."""

    op: Literal["eq"]
    column: Column
    value: Scalar


class Ne(_Part):
    """Met when the column holds another value; an absent value is not met."""

    op: Literal["ne"]
    column: Column
    value: Scalar


class In(_Part):
    """Met when the column holds one of these values."""

    op: Literal["in"]
    column: Column
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=64)]


class IsNull(_Part):
    """Met when the column holds nothing."""

    op: Literal["is_null"]
    column: Column


class NotNull(_Part):
    """Met when the column holds something."""

    op: Literal["not_null"]
    column: Column


class Before(_Part):
    """Met when both are present and ``column`` is strictly less than ``other``."""

    op: Literal["before"]
    column: Column
    other: Column


class After(_Part):
    """Met when both are present and ``column`` is strictly greater than ``other``."""

    op: Literal["after"]
    column: Column
    other: Column


class Differs(_Part):
    """Met when both are present and ``column`` holds another value than ``other``."""

    op: Literal["differs"]
    column: Column
    other: Column


class ElapsedAtMost(_Part):
    """Met when both moments are present and at most so many seconds lie between them.

    A reversed pair is met (nothing elapsed); where order matters it is a condition of its own.
    """

    op: Literal["elapsed_at_most"]
    from_: Column = Field(alias="from")
    to: Column
    seconds: Annotated[int, Field(ge=0, le=10 * 366 * 86_400)]


class Past(_Part):
    """Met when the reading's moment is at or after ``column`` plus so many days of 24 hours.

    The one operator that reads a clock: the moment is that of the reading (as of), never the machine's.
    """

    op: Literal["past"]
    column: Column
    days: Annotated[int, Field(ge=0, le=3660)]


class AllOf(_Part):
    """Met when every condition is."""

    op: Literal["all_of"]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=16)]


class AnyOf(_Part):
    """Met when at least one condition is."""

    op: Literal["any_of"]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=16)]


class Not(_Part):
    """Met when the condition is not."""

    op: Literal["not"]
    condition: Condition


Condition = Annotated[
    Eq | Ne | In | IsNull | NotNull | Before | After | Differs | ElapsedAtMost | Past | AllOf | AnyOf | Not,
    Field(discriminator="op"),
]


class NamedShare(_Part):
    """A further share of the same denominator, shown beside the value."""

    name: Name
    numerator: Condition


class Share(_Part):
    """Rows that meet the numerator, in percent of all rows counted."""

    kind: Literal["share"]
    numerator: Condition
    also: Annotated[tuple[NamedShare, ...], Field(max_length=8)] = ()


class SplitPart(_Part):
    """One part of a split; a row belongs to the first part whose condition it meets."""

    name: Name
    when: Condition


class Split(_Part):
    """All rows divided into parts whose shares sum to 100 (largest remainder).

    ``dimension`` names the division and begins the group of each part (``eligibility:not_triaged``); rows
    that meet no part's condition belong to ``rest``; the value of the whole is the share of the parts named
    in ``headline``.
    """

    kind: Literal["split"]
    dimension: Name
    parts: Annotated[tuple[SplitPart, ...], Field(min_length=1, max_length=16)]
    rest: Name
    headline: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)]


class Duration(_Part):
    """The whole seconds from one moment to another."""

    kind: Literal["duration"]
    from_: Column = Field(alias="from")
    to: Column


class Number(_Part):
    """The whole number a column holds."""

    kind: Literal["number"]
    column: Column


class AlsoPercentile(_Part):
    """A further percentile of the same values, shown beside the value."""

    kind: Literal["percentile"]
    name: Name
    at: Annotated[int, Field(ge=0, le=100)]


class AlsoShareAtMost(_Part):
    """The share of the values that are at most ``limit``, which is in the definition's unit."""

    kind: Literal["share_at_most"]
    name: Name
    limit: Annotated[int, Field(ge=0, le=1_000_000)]


class Percentile(_Part):
    """A percentile of a duration or number by linear interpolation.

    Type 7 of Hyndman, R. J. and Fan, Y. (1996), Sample Quantiles in Statistical Packages, The American
    Statistician 50(4).
    """

    kind: Literal["percentile"]
    of: Annotated[Duration | Number, Field(discriminator="kind")]
    at: Annotated[int, Field(ge=0, le=100, description="50 is the median.")]
    also: Annotated[
        tuple[Annotated[AlsoPercentile | AlsoShareAtMost, Field(discriminator="kind")], ...],
        Field(max_length=8),
    ] = ()


class Count(_Part):
    """How many of the rows counted meet the condition (all of them where there is none)."""

    kind: Literal["count"]
    when: Condition | None = None


class Value(_Part):
    """A number that exists only outside, as reported for its period; it is never summed or averaged."""

    kind: Literal["value"]
    column: Column
    numerator: Column | None = None
    denominator: Column | None = None


Measure = Annotated[Share | Split | Percentile | Count | Value, Field(discriminator="kind")]


class PeriodRule(_Part):
    """Which column places a row in time, and at which grain the committee reads the KPI."""

    on: Column = Field(description="The column that holds the row's month or period in the partnership's time zone.")
    grain: Literal["month", "quarter", "year"]


class Exclusion(_Part):
    """Rows left out for a named reason; the first reason that applies counts."""

    reason: Name
    when: Condition


class Rounding(_Part):
    """How the value is rounded for reading; nothing is rounded before."""

    digits: Annotated[int, Field(ge=0, le=6)]
    mode: Literal["half_even"]


class Freshness(_Part):
    """When the KPI's newest value is too old to be shown as current, and which feeds it lives on."""

    cadence: Literal["month", "quarter", "year"]
    grace_days: Annotated[int, Field(ge=0, le=366)]
    feeds: Annotated[tuple[Name, ...], Field(max_length=16)] = ()


class KpiDefinition(_Part):
    """One version of one KPI."""

    kpi: str = Field(pattern=r"^[A-Z][A-Z0-9_-]*$", max_length=20, description="The KPI's id, such as K06.")
    version: int = Field(ge=1, le=10_000, description="A changed definition is a new version.")
    title: str = Field(min_length=1, max_length=120)
    question: Literal["how_much", "how_well", "better_off", "population"] = Field(
        description="Results-Based Accountability: how much did we do, how well did we do it, is anyone "
        "better off; population marks a condition shared by all and attributed to no one agency."
    )
    direction: Literal["up", "down", "none"] = Field(description="Which way is good.")
    unit: Literal["percent", "minutes", "days", "count", "number"]
    unit_of_count: str = Field(min_length=1, max_length=120, description="What one of the things counted is.")
    population: Name = Field(description="The read model whose rows are counted.")
    weight: Column | None = Field(
        default=None, description="A column with how many things one row stands for; absent means one."
    )
    period: PeriodRule
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


def kpi_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a KPI definition, as committed in ``contracts/schemas``."""
    body = KpiDefinition.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **body}


def kpi_schema_text() -> str:
    """The published schema file's exact text."""
    return json.dumps(kpi_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
