"""Use of force, one event an incident.

Incidents are counted, not blows or officers, so that the rate means the same in every agency that reports it.
"""

from __future__ import annotations

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Id, Payload
from contracts.refusals import missing, unknown, wrong


class ForceUsed(Payload):
    """Force was used against a person (Justice Counts: use of force incidents; NIEM j:UseOfForce)."""

    incident: Id = Field(description="The incident's id; several officers or kinds of force are one incident.")
    call: Id | None = Field(default=None, description="The call it happened on.")
    force_kind: Id | None = Field(default=None, description="The gravest kind, as a code (NIEM j:ForceCategory).")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")


_USED = {"incident": "uof-1"}

FAMILY = Family(
    "force",
    "Use of force",
    (
        EventType(
            name="force.used",
            model=ForceUsed,
            subject="incident/{incident}",
            good=(_USED, {**_USED, "call": "c-1", "force_kind": "physical", "person": "p:9f2c"}),
            bad=(
                *missing(_USED, "incident"),
                *wrong(_USED, incident=1, force_kind="hands on", person="Jane Doe"),
                *unknown(_USED),
            ),
        ),
    ),
)
