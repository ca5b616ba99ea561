"""Doubts about data, raised under a named rule and resolved.

Whoever finds a record hard to believe says so beside it; nothing is changed or taken away by a doubt.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Id, Name, Payload, Subject, Text
from contracts.refusals import missing, unknown, wrong


class DataqualityFlagged(Payload):
    """Something recorded breaks a rule of data quality (HMIS data quality: completeness, accuracy, timeliness)."""

    flag: Id = Field(description="The flag's id.")
    rule: Name = Field(description="The rule that is broken, as a name both sides know.")
    severity: Literal["info", "warning", "error"] = Field(
        description="How grave (FHIR OperationOutcome.issue.severity, information written info)."
    )
    about: Subject | None = Field(default=None, description="What it is about, as an event's subject: call/c-1.")
    note: Text | None = Field(default=None, description="What was found, in words without names.")


class DataqualityResolved(Payload):
    """The doubt is settled."""

    flag: Id = Field(description="The flag's id.")
    note: Text | None = Field(default=None, description="How it was settled.")


_F = {"flag": "f-1"}
_FLAGGED = {**_F, "rule": "arrival_before_request", "severity": "warning"}

FAMILY = Family(
    "dataquality",
    "Data quality",
    (
        EventType(
            name="dataquality.flagged",
            model=DataqualityFlagged,
            subject="flag/{flag}",
            good=(_FLAGGED, {**_FLAGGED, "about": "call/c-1", "note": "Arrived three minutes before the call."}),
            bad=(
                *missing(_FLAGGED, "flag", "rule", "severity"),
                *wrong(_FLAGGED, flag="f 1", rule="", severity="fatal", about="the first call", note="\u0000"),
                *wrong(_FLAGGED, rule="arrival\nrequest"),
                *unknown(_FLAGGED),
            ),
        ),
        EventType(
            name="dataquality.resolved",
            model=DataqualityResolved,
            subject="flag/{flag}",
            good=(_F, {**_F, "note": "The clock was set right and the call sent again."}),
            bad=(
                *missing(_F, "flag"),
                *wrong(_F, flag="f 1", note="\u0000"),
                *unknown(_F),
                *wrong(_F, note=""),
            ),
        ),
    ),
)
