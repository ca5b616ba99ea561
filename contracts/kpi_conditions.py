"""What a row of a population may be asked: the conditions of a KPI definition, each two-valued.

They are a module of their own because they are the one language of everything that is asked of a row: scopes,
exclusions, numerators, and whether the two halves of a shared fact agree. A comparison with an absent value is not
met, and ``not`` is plain negation. Moments are UTC microseconds; days are spans of 24 hours.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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


class Part(BaseModel):
    """A part of a definition: unchangeable, with no members but its own, and without coercion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Eq(Part):
    """Met when the column holds exactly this value."""

    op: Literal["eq"]
    column: Column
    value: Scalar


class Ne(Part):
    """Met when the column holds another value; an absent value is not met."""

    op: Literal["ne"]
    column: Column
    value: Scalar


class In(Part):
    """Met when the column holds one of these values."""

    op: Literal["in"]
    column: Column
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=64)]


class IsNull(Part):
    """Met when the column holds nothing."""

    op: Literal["is_null"]
    column: Column


class NotNull(Part):
    """Met when the column holds something."""

    op: Literal["not_null"]
    column: Column


class Before(Part):
    """Met when both are present and ``column`` is strictly less than ``other``."""

    op: Literal["before"]
    column: Column
    other: Column


class After(Part):
    """Met when both are present and ``column`` is strictly greater than ``other``."""

    op: Literal["after"]
    column: Column
    other: Column


class Differs(Part):
    """Met when both are present and ``column`` holds another value than ``other``."""

    op: Literal["differs"]
    column: Column
    other: Column


class ElapsedAtMost(Part):
    """Met when both moments are present and at most so many seconds lie between them.

    A reversed pair is met (nothing elapsed); where order matters it is a condition of its own.
    """

    op: Literal["elapsed_at_most"]
    from_: Column = Field(alias="from")
    to: Column
    seconds: Annotated[int, Field(ge=0, le=10 * 366 * 86_400)]


class Past(Part):
    """Met when the reading's moment is at or after ``column`` plus so many days of 24 hours.

    The one operator that reads a clock: the moment is that of the reading (as of), never the machine's. Under a
    ``timing`` it is the end of the period, or the reading where that is earlier.
    """

    op: Literal["past"]
    column: Column
    days: Annotated[int, Field(ge=0, le=3660)]


class AllOf(Part):
    """Met when every condition is."""

    op: Literal["all_of"]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=16)]


class AnyOf(Part):
    """Met when at least one condition is."""

    op: Literal["any_of"]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=16)]


class Not(Part):
    """Met when the condition is not."""

    op: Literal["not"]
    condition: Condition


Condition = Annotated[
    Eq | Ne | In | IsNull | NotNull | Before | After | Differs | ElapsedAtMost | Past | AllOf | AnyOf | Not,
    Field(discriminator="op"),
]
