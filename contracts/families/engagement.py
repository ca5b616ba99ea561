"""Engagement with the community: occasions held, what people said there, and whether they got an answer.

An input that nobody answered is as much a fact as the forum it was said at.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.declaration import EventType, Family
from contracts.fields import Id, Ids, Name, Payload, Text
from contracts.refusals import missing, unknown, wrong


class EngagementHeld(Payload):
    """The partnership met people of the community."""

    engagement: Id = Field(description="The occasion's id.")
    kind: Literal["forum", "meeting", "focus_group", "event"] = Field(description="What kind of occasion.")
    attendance: Annotated[int, Field(ge=0, le=1_000_000)] = Field(description="How many people of the community came.")
    languages: Ids = Field(default=(), description="Languages it was held in (BCP 47), such as en or es.")


class InputRecorded(Payload):
    """Someone of the community said something that wants an answer."""

    input: Id = Field(description="The input's id.")
    engagement: Id | None = Field(default=None, description="The occasion it was said at.")
    topic: Name = Field(description="What it is about.")
    text: Text | None = Field(default=None, description="What was said, without names.")


class InputAnswered(Payload):
    """The partnership has answered."""

    input: Id = Field(description="The input's id.")
    text: Text | None = Field(default=None, description="The answer.")


_HELD = {"engagement": "en-1", "kind": "forum", "attendance": 60}
_I = {"input": "in-1"}
_RECORDED = {**_I, "topic": "Night-time response"}

FAMILY = Family(
    "engagement",
    "Community engagement",
    (
        EventType(
            name="engagement.held",
            model=EngagementHeld,
            subject="engagement/{engagement}",
            good=(_HELD, {**_HELD, "languages": ["en", "es"]}),
            bad=(
                *missing(_HELD, "engagement", "kind", "attendance"),
                *wrong(_HELD, engagement="en 1", kind="picnic", attendance=-1, languages=["en", "en"]),
                *wrong(_HELD, attendance=1_000_001),
                *unknown(_HELD),
            ),
        ),
        EventType(
            name="input.recorded",
            model=InputRecorded,
            subject="input/{input}",
            good=(_RECORDED, {**_RECORDED, "engagement": "en-1", "text": "Why does nobody come after midnight?"}),
            bad=(
                *missing(_RECORDED, "input", "topic"),
                *wrong(_RECORDED, input="in 1", topic="", text="\u0000"),
                *wrong(_RECORDED, topic="Night\nresponse", text=""),
                *unknown(_RECORDED),
            ),
        ),
        EventType(
            name="input.answered",
            model=InputAnswered,
            subject="input/{input}",
            good=(_I, {**_I, "text": "From July on a team works nights."}),
            bad=(*missing(_I, "input"), *wrong(_I, input="in 1", text="\u0000"), *wrong(_I, text=""), *unknown(_I)),
        ),
    ),
)
