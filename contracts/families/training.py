"""Training: who was taught what together, and whether each agency agrees that its people were there.

A training counts as joint only where two sectors sat in it, so attendance is told agency by agency, and each
agency confirms its own.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.by_agency import Headcount, HeadcountByAgency, IdsByAgency
from contracts.declaration import Bad, EventType, Family, every
from contracts.fields import Id, Payload, Text
from contracts.refusals import broken, missing, unknown, wrong


class TrainingHeld(Payload):
    """A training took place; the event's time is its end."""

    training: Id = Field(description="The training's id.")
    course: Id = Field(description="The course, as a code that stays the same each time it is held.")
    kind: Literal["workshop", "simulation", "legal_ethical", "scenario", "cultural_competence", "cit"] = Field(
        description="What kind of course; cit: crisis intervention team training (CIT International)."
    )
    hours: Annotated[float, Field(gt=0, le=1_000)] = Field(description="Hours taught.")
    attendees_by_agency: HeadcountByAgency = Field(description="How many came from each agency.")
    staff_by_agency: IdsByAgency | None = Field(
        default=None, description="Keyed tokens of those who came, by agency; never names or badge numbers."
    )


class TrainingConfirmed(Payload):
    """The agency that speaks says how many of its own people were there."""

    training: Id = Field(description="The training's id.")
    attendees: Headcount = Field(description="How many of its own people attended.")


class TrainingDisputed(Payload):
    """The agency that speaks does not agree with what was told of its attendance."""

    training: Id = Field(description="The training's id.")
    reason: Text = Field(description="What is in dispute.")


def _somebody_came(data: dict[str, Any]) -> tuple[str, str] | None:
    if not any(data["attendees_by_agency"].values()):
        return "/attendees_by_agency", "nobody attended: a training that was not held is not reported"
    return None


def _staff_among_attendees(data: dict[str, Any]) -> tuple[str, str] | None:
    attendees = data["attendees_by_agency"]
    for agency, staff in (data.get("staff_by_agency") or {}).items():
        if len(staff) > attendees.get(agency, 0):
            told = attendees.get(agency, 0)
            return f"/staff_by_agency/{agency}", f"{len(staff)} are named, but {told} attended from {agency}"
    return None


_T = {"training": "tr-1"}
_HELD: dict[str, Any] = {
    **_T,
    "course": "cit-40",
    "kind": "cit",
    "hours": 40,
    "attendees_by_agency": {"metro-police": 12, "lakeside-health": 3},
}
_CONFIRMED = {**_T, "attendees": 12}
_DISPUTED = {**_T, "reason": "Two of ours left at noon."}

FAMILY = Family(
    "training",
    "Training",
    (
        EventType(
            name="training.held",
            model=TrainingHeld,
            subject="training/{training}",
            rule=every(_somebody_came, _staff_among_attendees),
            good=(_HELD, {**_HELD, "hours": 7.5, "staff_by_agency": {"lakeside-health": ["s:1", "s:2"]}}),
            bad=(
                *missing(_HELD, "training", "course", "kind", "hours", "attendees_by_agency"),
                *wrong(_HELD, course="CIT 40", kind="lecture", hours=0, attendees_by_agency={}, staff_by_agency={}),
                *wrong(_HELD, hours=1_001, attendees_by_agency=15),
                Bad(
                    {**_HELD, "attendees_by_agency": {"metro-police": -1}},
                    "data_invalid",
                    "/data/attendees_by_agency/metro-police",
                ),
                Bad(
                    {**_HELD, "attendees_by_agency": {"metro-police": 1_000_001}},
                    "data_invalid",
                    "/data/attendees_by_agency/metro-police",
                ),
                Bad(
                    {**_HELD, "staff_by_agency": {"lakeside-health": []}},
                    "data_invalid",
                    "/data/staff_by_agency/lakeside-health",
                ),
                Bad(
                    {**_HELD, "staff_by_agency": {"lakeside-health": ["s:1", "s:1"]}},
                    "data_invalid",
                    "/data/staff_by_agency/lakeside-health",
                ),
                *broken({**_HELD, "attendees_by_agency": {"metro-police": 0}}, "/attendees_by_agency"),
                *broken({**_HELD, "staff_by_agency": {"harbor-housing": ["s:1"]}}, "/staff_by_agency/harbor-housing"),
                *unknown(_HELD),
            ),
        ),
        EventType(
            name="training.confirmed",
            model=TrainingConfirmed,
            subject="training/{training}",
            good=(_CONFIRMED,),
            bad=(
                *missing(_CONFIRMED, "training", "attendees"),
                *wrong(_CONFIRMED, training="tr 1", attendees=-1),
                *wrong(_CONFIRMED, attendees=1_000_001),
                *unknown(_CONFIRMED),
            ),
        ),
        EventType(
            name="training.disputed",
            model=TrainingDisputed,
            subject="training/{training}",
            good=(_DISPUTED,),
            bad=(
                *missing(_DISPUTED, "training", "reason"),
                *wrong(_DISPUTED, training="tr 1", reason="\u0000"),
                *wrong(_DISPUTED, reason=""),
                *unknown(_DISPUTED),
            ),
        ),
    ),
)
