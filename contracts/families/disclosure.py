"""Disclosures of protected records, and requests for them that were refused.

Each says what it rested on, so that an auditor can ask of every one whether a consent or an exception covered
it, and whether the notice against redisclosure went with it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Id, Name, Payload, Subject
from contracts.refusals import missing, unknown, wrong


class DisclosureMade(Payload):
    """Something about a person was told to a recipient (45 CFR 164.528: accounting of disclosures)."""

    disclosure: Id = Field(description="The disclosure's id.")
    person: Id | None = Field(default=None, description="A keyed token for the person; never a name or number.")
    recipient: Id = Field(description="Who was told.")
    basis: Literal["consent", "exception"] = Field(
        description="What allowed it: a consent (42 CFR 2.31) or an exception, such as a medical emergency (2.51)."
    )
    basis_ref: Name = Field(description="The consent's id, or the provision the exception stands in.")
    notice_attached: bool = Field(description="Whether the notice to accompany disclosure went with it (42 CFR 2.32).")


class AccessDenied(Payload):
    """A request for protected information was refused."""

    denial: Id = Field(description="The refusal's id.")
    rule: Name = Field(description="The rule it was refused by, such as 42 CFR 2.31 or a clause of an agreement.")
    recipient: Id | None = Field(default=None, description="Who asked.")
    about: Subject | None = Field(default=None, description="What was asked for, as an event's subject.")


_MADE = {
    "disclosure": "di-1",
    "recipient": "harbor-housing",
    "basis": "consent",
    "basis_ref": "co-1",
    "notice_attached": True,
}
_DENIED = {"denial": "de-1", "rule": "42 CFR 2.31"}

FAMILY = Family(
    "disclosure",
    "Disclosures",
    (
        EventType(
            name="disclosure.made",
            model=DisclosureMade,
            subject="disclosure/{disclosure}",
            good=(_MADE, {**_MADE, "person": "p:9f2c", "basis": "exception", "basis_ref": "42 CFR 2.51"}),
            bad=(
                *missing(_MADE, "disclosure", "recipient", "basis", "basis_ref", "notice_attached"),
                *wrong(_MADE, person="Jane Doe", basis="custom", basis_ref="", notice_attached="yes"),
                *wrong(_MADE, basis_ref="co-1\n"),
                *unknown(_MADE),
            ),
        ),
        EventType(
            name="access.denied",
            model=AccessDenied,
            subject="denial/{denial}",
            good=(_DENIED, {**_DENIED, "recipient": "metro-police", "about": "consent/co-1"}),
            bad=(
                *missing(_DENIED, "denial", "rule"),
                *wrong(_DENIED, denial="de 1", rule="", about="Jane Doe's file"),
                *wrong(_DENIED, rule="42 CFR\n2.31"),
                *unknown(_DENIED),
            ),
        ),
    ),
)
