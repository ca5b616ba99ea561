"""Findings of audits, and their closing.

An auditor stands outside the partnership's own governance, so a finding is a statement and no decision of it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Date, Id, Name, Payload, Text
from contracts.refusals import missing, unknown, wrong


class AuditFinding(Payload):
    """An audit has found something that is to be put right."""

    audit: Id = Field(description="The finding's id.")
    plan: Id | None = Field(default=None, description="The plan it is about.")
    severity: Literal["low", "medium", "high"] = Field(description="How grave the auditor holds it to be.")
    what: Text = Field(description="What was found.")
    owner: Id | None = Field(default=None, description="The agency that is to put it right.")
    due: Date | None = Field(default=None, description="The last day for putting it right.")


class AuditClosed(Payload):
    """The finding is settled."""

    audit: Id = Field(description="The finding's id.")
    evidence_ref: Name | None = Field(default=None, description="Where the evidence is kept.")


_A = {"audit": "au-1"}
_FOUND = {**_A, "severity": "medium", "what": "Three consents carry no date."}

FAMILY = Family(
    "audit",
    "Audits",
    (
        EventType(
            name="audit.finding",
            model=AuditFinding,
            subject="audit/{audit}",
            good=(_FOUND, {**_FOUND, "plan": "plan-2025", "owner": "lakeside-health", "due": "2025-06-30"}),
            bad=(
                *missing(_FOUND, "audit", "severity", "what"),
                *wrong(_FOUND, audit="au 1", severity="grave", what="", due="2025-06-31"),
                *wrong(_FOUND, what="\u0000"),
                *unknown(_FOUND),
            ),
        ),
        EventType(
            name="audit.closed",
            model=AuditClosed,
            subject="audit/{audit}",
            good=(_A, {**_A, "evidence_ref": "memo-17"}),
            bad=(
                *missing(_A, "audit"),
                *wrong(_A, audit="au 1", evidence_ref=""),
                *wrong(_A, evidence_ref="a\nb"),
                *unknown(_A),
            ),
        ),
    ),
)
