"""Corrections: an earlier event of the same source was wrong, or should not have been sent.

Nothing is taken out of the ledger; a superseded event stays readable and contributes to no number from then
on.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts import limits
from contracts.declaration import Bad, EventType, Family
from contracts.fields import LINE_PATTERN, Payload, Text
from contracts.refusals import missing, unknown, wrong

EventId = Annotated[str, Field(min_length=1, pattern=LINE_PATTERN, max_length=limits.EVENT_ID_CHARS_MAX)]


class RecordCorrected(Payload):
    """The named event is replaced by another."""

    supersedes: EventId = Field(description="The id of the wrong event, of the same source.")
    reason: Text = Field(description="What was wrong.")
    replacement: EventId | None = Field(default=None, description="The id of the right event, of the same source.")


class RecordVoided(Payload):
    """The named event should not have been sent (FHIR entered-in-error)."""

    supersedes: EventId = Field(description="The id of the event, of the same source.")
    reason: Text = Field(description="Why it should not have been sent.")


_VOIDED = {"supersedes": "evt-17", "reason": "Entered for the wrong call."}

FAMILY = Family(
    "record",
    "Corrections",
    (
        EventType(
            name="record.corrected",
            model=RecordCorrected,
            subject=None,
            good=(_VOIDED, {**_VOIDED, "replacement": "evt-18"}),
            bad=(
                Bad({"supersedes": "evt-17"}, "field_missing", "/data/reason"),
                *missing(_VOIDED, "supersedes"),
                *wrong(_VOIDED, supersedes="evt\n17", reason="\u0000", replacement=""),
                *unknown(_VOIDED),
            ),
        ),
        EventType(
            name="record.voided",
            model=RecordVoided,
            subject=None,
            good=(_VOIDED,),
            bad=(
                Bad({**_VOIDED, "supersedes": ""}, "data_invalid", "/data/supersedes"),
                *missing(_VOIDED, "supersedes", "reason"),
                *wrong(_VOIDED, supersedes="evt\n17", reason="\u0000"),
                *unknown(_VOIDED),
            ),
        ),
    ),
)
