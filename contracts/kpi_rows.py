"""Which rows a KPI counts, and when: exclusions, points in time, rolling windows, and rows of a further population.

Here because a number is first of all a choice of rows. What is done with them is a measure's; which of them there
are is said in the same words for every measure and for both sides of a ratio.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.kpi_conditions import Column, Condition, Name, Part


class Exclusion(Part):
    """Rows left out for a named reason; the first reason that applies counts."""

    reason: Name
    when: Condition


class Open(Part):
    """Point in time: a row counts in every period at whose end it is open, or at the reading where that is earlier.

    A row is open once the moment in ``from`` is reached and until the first of ``until`` is. A column of ``until``
    holds a moment, or a day (text, ISO 8601), which is the last on which the row is open. An absent ``from`` never
    opens; an absent ``until`` never closes. The future is never counted: what is reached later than the end of the
    period, or than the reading, is not reached.
    """

    kind: Literal["open"]
    from_: Column = Field(alias="from")
    until: Annotated[tuple[Column, ...], Field(max_length=4)] = ()


class Rolling(Part):
    """Rolling window: a row counts in every period that ends with, or up to ``months`` - 1 months after, its month.

    The value of a period is that of the window of so many whole months that ends with it (with the month of the
    reading where the period is not over). A row without a month counts in no window, nor one dated after the reading.
    """

    kind: Literal["rolling"]
    months: Annotated[int, Field(ge=1, le=120)]


class Latest(Part):
    """Standing figures: of the rows in scope with the same ``by``, the last one stands until the next.

    It stands for the month it is about and at most ``months`` - 1 further ones; what nobody has said again by then
    is not known any more.
    """

    kind: Literal["latest"]
    by: Annotated[tuple[Column, ...], Field(min_length=1, max_length=4)]
    months: Annotated[int, Field(ge=1, le=120)]


Timing = Annotated[Open | Rolling | Latest, Field(discriminator="kind")]
"""How rows stand at the end of a period. Without it a row counts once, in its own month, and a quarter is the sum of
its months; with it a quarter is as its last month ends, and "all" is as things stand at the reading."""


class Rows(Part):
    """Rows of a population, beside those of the definition, and what of them is added up.

    ``scope``, ``exclude`` and ``timing`` mean what they mean in a definition. ``sum`` is the column that is added up
    (whole numbers; a row without one is left out as ``no_value``), ``distinct`` the column whose different values
    are counted once each within a group; without either, rows are counted. ``group_by`` is the column that holds the
    group, where it is called otherwise than in the definition.
    """

    population: Name
    scope: Condition | None = None
    exclude: Annotated[tuple[Exclusion, ...], Field(max_length=16)] = ()
    timing: Timing | None = None
    sum: Column | None = None
    distinct: Column | None = None
    group_by: Column | None = None
