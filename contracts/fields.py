"""The field types that payloads and the envelope are made of.

Each carries its rule twice, for pydantic and for the published JSON Schema, written so that both mean the
same: patterns use only what Rust regex, Python re and ECMA 262 agree on, and formats are asserted, not merely
noted.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from contracts import limits
from contracts.moments import DATE_PATTERN, MOMENT_PATTERN, parse_date, parse_us

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._~:@-]*$"
TEXT_PATTERN: Final = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"
LINE_PATTERN: Final = r"^[^\u0000-\u001f\u007f]*$"
PERIOD_PATTERN: Final = r"^(?:19|20|21)[0-9]{2}(?:-(?:0[1-9]|1[0-2]|Q[1-4]))?$"
KPI_PATTERN: Final = r"^[A-Z][A-Z0-9_-]*$"
MONTH_PATTERN: Final = r"^(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])$"
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"
SUBJECT_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._~:@/-]*$"
CURRENCY_PATTERN: Final = r"^[A-Z]{3}$"


class Payload(BaseModel):
    """What every payload model and its parts have in common: frozen, strict, and closed to unknown fields.

    An optional field may be left out or null; both mean that the sender says nothing about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def _date(text: str) -> str:
    try:
        parse_date(text)
    except ValueError as error:
        raise PydanticCustomError("date", "{reason}", {"reason": str(error)}) from None
    return text


def _moment(text: str) -> str:
    try:
        parse_us(text)
    except ValueError as error:
        raise PydanticCustomError("date_time", "{reason}", {"reason": str(error)}) from None
    return text


def _distinct(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(items)) < len(items):
        raise PydanticCustomError("repeated_item", "the list names the same value twice")
    return items


Id = Annotated[str, Field(pattern=ID_PATTERN, max_length=limits.ID_CHARS_MAX)]
"""An identifier or token: letters, digits and ``. _ ~ : @ -``, beginning with a letter or digit."""

KpiId = Annotated[str, Field(pattern=KPI_PATTERN, max_length=20)]
Name = Annotated[str, Field(min_length=1, pattern=LINE_PATTERN, max_length=limits.NAME_CHARS_MAX)]
Text = Annotated[str, Field(min_length=1, pattern=TEXT_PATTERN, max_length=limits.TEXT_CHARS_MAX)]
Period = Annotated[str, Field(pattern=PERIOD_PATTERN)]
"""A month ``2025-03``, quarter ``2025-Q1`` or year ``2025``."""

Month = Annotated[str, Field(pattern=MONTH_PATTERN)]
Subject = Annotated[str, Field(pattern=SUBJECT_PATTERN, max_length=limits.SUBJECT_CHARS_MAX)]
"""What an event is about, such as ``call/c-1``, named from another event."""

Currency = Annotated[str, Field(pattern=CURRENCY_PATTERN)]
"""Three letters of ISO 4217."""

MinorAmount = Annotated[int, Field(ge=1, le=10**15)]
"""Money in the currency's smallest unit, such as cents."""

Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN)]
Date = Annotated[
    str, AfterValidator(_date), WithJsonSchema({"type": "string", "format": "date", "pattern": DATE_PATTERN})
]
Moment = Annotated[
    str,
    AfterValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": MOMENT_PATTERN}),
]
Quantity = Annotated[float, Field(gt=0, le=1e12)]
Measured = Annotated[float, Field(ge=-1e12, le=1e12)]
Counted = Annotated[float, Field(ge=0, le=1e12)]
Minutes = Annotated[int, Field(ge=0, le=100_000)]
Version = Annotated[int, Field(ge=1, le=10_000)]

_UNIQUE: Final[dict[str, Any]] = {"uniqueItems": True}
Ids = Annotated[
    tuple[Id, ...],
    Field(max_length=limits.LIST_ITEMS_MAX, json_schema_extra=_UNIQUE),
    AfterValidator(_distinct),
]
SomeIds = Annotated[
    tuple[Id, ...],
    Field(min_length=1, max_length=limits.LIST_ITEMS_MAX, json_schema_extra=_UNIQUE),
    AfterValidator(_distinct),
]
Weekdays = Annotated[
    tuple[Annotated[int, Field(ge=1, le=7)], ...],
    Field(min_length=1, max_length=7, json_schema_extra=_UNIQUE),
    AfterValidator(_distinct),
]
"""Days of the week as ISO 8601 counts them: 1 is Monday."""

Dates = Annotated[
    tuple[Date, ...],
    Field(max_length=limits.LIST_ITEMS_MAX, json_schema_extra=_UNIQUE),
    AfterValidator(_distinct),
]
FiscalYears = Annotated[
    tuple[Annotated[int, Field(ge=1900, le=2199)], ...],
    Field(min_length=1, max_length=20, json_schema_extra=_UNIQUE),
    AfterValidator(_distinct),
]
Names = Annotated[tuple[Name, ...], Field(max_length=limits.LIST_ITEMS_MAX)]
"""Names in the sender's order; the same one may stand twice."""
