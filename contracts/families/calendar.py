"""The partnership's calendar: on which days work is done.

A limit in business days means nothing until it is said which days those are, and that is for the partnership
to decide, not for the software.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Dates, Id, Payload, Text, Weekdays
from contracts.refusals import missing, unknown, wrong


class CalendarSet(Payload):
    """The partnership counts its business days by this calendar, which replaces the one before as a whole."""

    plan: Id = Field(description="The plan's id.")
    weekdays: Weekdays = Field(description="The days of the week on which work is done (ISO 8601: 1 is Monday).")
    holidays: Dates = Field(description="Days on which none is done although the day of the week says so.")
    reason: Text | None = Field(default=None, description="Why it was set or changed.")


_SET: dict[str, Any] = {
    "plan": "plan-2025",
    "weekdays": [1, 2, 3, 4, 5],
    "holidays": ["2025-07-04", "2025-12-25"],
}

FAMILY = Family(
    "calendar",
    "Calendar",
    (
        EventType(
            name="calendar.set",
            model=CalendarSet,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            good=(_SET, {**_SET, "holidays": [], "reason": "The partnership works every weekday."}),
            bad=(
                *missing(_SET, "plan", "weekdays", "holidays"),
                *wrong(_SET, plan="plan 2025", weekdays=[], holidays=["2025-07-04", "2025-07-04"], reason="\u0000"),
                *wrong(_SET, weekdays=[1, 1], reason=""),
                Bad({**_SET, "weekdays": [0]}, "data_invalid", "/data/weekdays/0"),
                Bad({**_SET, "weekdays": [8]}, "data_invalid", "/data/weekdays/0"),
                Bad({**_SET, "holidays": ["2025-02-30"]}, "data_invalid", "/data/holidays/0"),
                *unknown(_SET),
            ),
        ),
    ),
)
