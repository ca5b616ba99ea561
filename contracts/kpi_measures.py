"""What a KPI makes of its rows: shares, splits, percentiles, counts, sums, ratios, means, returns, gaps.

A closed set, so that a number can be computed the same way by anyone. Each measure is evaluated twice, by SQL and by
a plain evaluator that shares no code with it, and a property test holds the two together.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.kpi_conditions import Column, Condition, Name, Part
from contracts.kpi_rows import Rows


class NamedShare(Part):
    """A further share of the same denominator, shown beside the value."""

    name: Name
    numerator: Condition


class Share(Part):
    """Rows that meet the numerator, in percent of all rows counted."""

    kind: Literal["share"]
    numerator: Condition
    also: Annotated[tuple[NamedShare, ...], Field(max_length=8)] = ()


class SplitPart(Part):
    """One part of a split; a row belongs to the first part whose condition it meets."""

    name: Name
    when: Condition


class Split(Part):
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


class Duration(Part):
    """The whole seconds from one moment to another."""

    kind: Literal["duration"]
    from_: Column = Field(alias="from")
    to: Column


class Number(Part):
    """The whole number a column holds."""

    kind: Literal["number"]
    column: Column


class AlsoPercentile(Part):
    """A further percentile of the same values, shown beside the value."""

    kind: Literal["percentile"]
    name: Name
    at: Annotated[int, Field(ge=0, le=100)]


class AlsoShareAtMost(Part):
    """The share of the values that are at most ``limit``, which is in the definition's unit."""

    kind: Literal["share_at_most"]
    name: Name
    limit: Annotated[int, Field(ge=0, le=1_000_000)]


class AlsoDuration(Part):
    """A percentile of a further duration of the same rows, shown beside the value.

    Rows without it, or in which it runs backwards, have no part in it.
    """

    kind: Literal["duration"]
    name: Name
    from_: Column = Field(alias="from")
    to: Column
    at: Annotated[int, Field(ge=0, le=100)]


class Percentile(Part):
    """A percentile of a duration or number by linear interpolation.

    Type 7 of Hyndman, R. J. and Fan, Y. (1996), Sample Quantiles in Statistical Packages, The American
    Statistician 50(4).
    """

    kind: Literal["percentile"]
    of: Annotated[Duration | Number, Field(discriminator="kind")]
    at: Annotated[int, Field(ge=0, le=100, description="50 is the median.")]
    also: Annotated[
        tuple[Annotated[AlsoPercentile | AlsoShareAtMost | AlsoDuration, Field(discriminator="kind")], ...],
        Field(max_length=8),
    ] = ()


class Count(Part):
    """How many of the rows counted meet the condition (all of them where there is none)."""

    kind: Literal["count"]
    when: Condition | None = None


class Total(Part):
    """The sum of a column of whole numbers; a row without one is left out as ``no_value``."""

    kind: Literal["total"]
    column: Column


class Lowest(Part):
    """The lowest value among the groups that have one, shown beside the value of all."""

    kind: Literal["lowest"]
    name: Name


class Ratio(Part):
    """``per`` times what the numerator's rows come to, for each that the definition's own rows come to.

    The definition's rows are the denominator: counted, or summed over ``sum``, or counted by its ``distinct``. The
    numerator may be of another population; what ``less`` comes to is taken off it. Either all of them have a timing
    or none has. With ``matched`` the numerator of a group without a denominator is left out as ``no_denominator``,
    so that nobody is set against a number that does not hold them. Per 100 is a percentage, per 1,000 a rate.
    """

    kind: Literal["ratio"]
    numerator: Rows
    less: Rows | None = None
    per: Annotated[int, Field(ge=1, le=1_000_000)]
    sum: Column | None = None
    matched: bool = False
    also: Annotated[tuple[Lowest, ...], Field(max_length=1)] = ()


class Mean(Part):
    """The mean of a column of numbers (to six decimals), each row as often as the definition's ``weight`` says.

    Beside it, as ``margin``, half the width of the 95 % interval, 1.96 * s / sqrt(n), where s is the sample standard
    deviation: it can be computed where every row stands for one answer and there are at least two. A row without a
    number is left out as ``no_value``.
    """

    kind: Literal["mean"]
    column: Column


class Gap(Part):
    """How far the groups of ``group_by`` lie apart in a share, in percentage points: the highest less the lowest.

    Groups with fewer than ``minimum`` rows have a value of their own but no part in the comparison, and are left out
    by name (``below_minimum:<group>``); where fewer than two remain there is no value. Rows without a group are left
    out as ``no_value``. Beside the value of all: ``highest``, ``lowest`` and their ``ratio``. The value of a group
    is its share in percent; beside it the 95 % interval, ``low`` to ``high``, of Wilson, E. B. (1927), Probable
    Inference, the Law of Succession, and Statistical Inference, Journal of the American Statistical Association
    22(158), 209-212.
    """

    kind: Literal["gap"]
    numerator: Condition
    minimum: Annotated[int, Field(ge=1, le=100_000)]


class Concentration(Part):
    """The sum of the squared shares that the values of ``by`` have in the sum of a column: 1 where one has all.

    Herfindahl-Hirschman index: Hirschman, A. O. (1964), The Paternity of an Index, The American Economic Review
    54(5), 761-762. Rows without ``by`` or without a number are left out as ``no_value``. Beside it, as ``largest``,
    the greatest share in percent.
    """

    kind: Literal["concentration"]
    by: Column
    sum: Column


class Within(Part):
    """A further limit in days for the same returns, shown beside the value with its own open windows."""

    name: Name
    days: Annotated[int, Field(ge=1, le=3660)]


class Return(Part):
    """Persons with a row in the period and another one within ``days`` days after it, in percent of persons.

    ``person`` tells persons apart and ``at`` is the moment of a row; a row without either is left out as
    ``no_value``. A person counts once in a month, once in a quarter and once in a year, with the group of the first
    row in it; over all time once in every year. ``after`` says from which row the days are counted: ``first``, the
    person's first of the period (a cohort); ``any``, any of the period. Whoever's days since that row, or since the
    last of the period, have not passed is left out as ``window_open``, returned or not.
    """

    kind: Literal["return"]
    person: Column
    at: Column
    days: Annotated[int, Field(ge=1, le=3660)]
    after: Literal["first", "any"]
    also: Annotated[tuple[Within, ...], Field(max_length=4)] = ()


class Value(Part):
    """A number that exists only outside, as reported for its period; it is never summed or averaged."""

    kind: Literal["value"]
    column: Column
    numerator: Column | None = None
    denominator: Column | None = None


Measure = Annotated[
    Share | Split | Percentile | Count | Total | Ratio | Mean | Gap | Concentration | Return | Value,
    Field(discriminator="kind"),
]
