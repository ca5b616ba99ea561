"""Enrollments in a programme and the assessments made during one.

They follow the HUD HMIS data standards (FY2026): project start and exit, destination at exit, coordinated
entry assessment.
"""

from __future__ import annotations

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Id, Name, Payload
from contracts.refusals import missing, unknown, wrong


class EnrollmentStarted(Payload):
    """A person entered a programme (HMIS 3.10 project start date is the event's time)."""

    enrollment: Id = Field(description="The enrollment's id.")
    service: Id | None = Field(default=None, description="The programme (HMIS project).")
    referral: Id | None = Field(default=None, description="The referral it answers.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")


class EnrollmentEnded(Payload):
    """A person left a programme (HMIS 3.11 project exit date is the event's time)."""

    enrollment: Id = Field(description="The enrollment's id.")
    destination: Id | None = Field(default=None, description="Where to, as a code (HMIS 3.12 destination).")


class AssessmentCompleted(Payload):
    """An assessment was made with a named instrument (HMIS 4.19 coordinated entry assessment)."""

    assessment: Id = Field(description="The assessment's id.")
    instrument: Name = Field(description="The instrument, such as C-SSRS.")
    version: Name = Field(description="The instrument's version, as its publisher names it.")
    level: Name = Field(description="The level it came to, in the instrument's words (HMIS 4.19.4).")
    enrollment: Id | None = Field(default=None, description="The enrollment it belongs to.")
    referral: Id | None = Field(default=None, description="The referral it belongs to.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")


_E = {"enrollment": "e-1"}
_ASSESSED = {"assessment": "as-1", "instrument": "C-SSRS", "version": "2009", "level": "moderate"}

FAMILY = Family(
    "enrollment",
    "Enrollments and assessments",
    (
        EventType(
            name="enrollment.started",
            model=EnrollmentStarted,
            subject="enrollment/{enrollment}",
            good=(
                {"enrollment": "e-1"},
                {"enrollment": "e-1", "service": "rapid-rehousing", "person": "p:9f2c"},
            ),
            bad=(
                Bad({"enrollment": None}, "data_invalid", "/data/enrollment"),
                *missing(_E, "enrollment"),
                *wrong(_E, enrollment="e 1", person="Jane Doe"),
                *unknown(_E),
            ),
        ),
        EventType(
            name="enrollment.ended",
            model=EnrollmentEnded,
            subject="enrollment/{enrollment}",
            good=({"enrollment": "e-1"}, {"enrollment": "e-1", "destination": "435"}),
            bad=(
                Bad({"enrollment": "e-1", "destination": 435}, "data_invalid", "/data/destination"),
                *missing(_E, "enrollment"),
                *wrong(_E, enrollment="e 1"),
                *unknown(_E),
            ),
        ),
        EventType(
            name="assessment.completed",
            model=AssessmentCompleted,
            subject="assessment/{assessment}",
            good=(_ASSESSED, {**_ASSESSED, "enrollment": "e-1"}),
            bad=(
                Bad({**_ASSESSED, "version": 2009}, "data_invalid", "/data/version"),
                *missing(_ASSESSED, "assessment", "instrument", "version", "level"),
                *wrong(_ASSESSED, assessment="as 1", instrument="", level="moderate\n"),
                *unknown(_ASSESSED),
            ),
        ),
    ),
)
