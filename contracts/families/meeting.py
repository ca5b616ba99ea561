"""Meetings of those who govern the partnership.

Who was there, and whether enough were, decides what a decision taken there is worth.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from contracts.by_agency import HeadcountByAgency
from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Payload
from contracts.refusals import broken, missing, unknown, wrong


class MeetingHeld(Payload):
    """The committee met; the event's time is the end of the meeting."""

    meeting: Id = Field(description="The meeting's id.")
    plan: Id = Field(description="The plan whose committee met.")
    attendees_by_agency: HeadcountByAgency = Field(
        description="How many came from each agency; 0 for one that was expected and did not come."
    )
    quorum: bool = Field(description="Whether enough were there to decide, by the partnership's own rule.")


def _somebody_came(data: dict[str, Any]) -> tuple[str, str] | None:
    if not any(data["attendees_by_agency"].values()):
        return "/attendees_by_agency", "nobody attended: a meeting that was not held is not recorded"
    return None


_HELD: dict[str, Any] = {
    "meeting": "m-2025-03",
    "plan": "plan-2025",
    "attendees_by_agency": {"county": 2, "lakeside-health": 1, "metro-police": 0},
    "quorum": True,
}

FAMILY = Family(
    "meeting",
    "Meetings",
    (
        EventType(
            name="meeting.held",
            model=MeetingHeld,
            subject="meeting/{meeting}",
            kind="decision",
            aggregate="meeting",
            rule=_somebody_came,
            good=(_HELD,),
            bad=(
                *missing(_HELD, "meeting", "plan", "attendees_by_agency", "quorum"),
                *wrong(_HELD, meeting="m 1", attendees_by_agency={}, quorum="yes"),
                *wrong(_HELD, attendees_by_agency=["county"]),
                Bad(
                    {**_HELD, "attendees_by_agency": {"county": -1}}, "data_invalid", "/data/attendees_by_agency/county"
                ),
                Bad(
                    {**_HELD, "attendees_by_agency": {"county": 1_000_001}},
                    "data_invalid",
                    "/data/attendees_by_agency/county",
                ),
                *broken({**_HELD, "attendees_by_agency": {"county": 0}}, "/attendees_by_agency"),
                *unknown(_HELD, "minutes"),
            ),
        ),
    ),
)
