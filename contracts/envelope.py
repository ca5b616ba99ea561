"""The envelope: CloudEvents 1.0 with the extensions of this house, as a frozen model.

It says who speaks about what and when; what is said is the payload, whose model the event is parametrised
with. The rules of CloudEvents for extension names and values hold for extensions nobody here knows.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from contracts import limits
from contracts.fields import LINE_PATTERN, SUBJECT_PATTERN, Id, Moment

WIRE_PREFIX: Final = "org.tallystick."
SOURCE_PATTERN: Final = r"^(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$"
TYPE_PATTERN: Final = r"^org\.tallystick\.[a-z][a-z_]*\.[a-z][a-z_]*\.v[1-9][0-9]{0,3}$"
CONTENT_TYPE_PATTERN: Final = (
    r"^application/(?:[a-z0-9.-]+\+)?json(?: *; *charset=(?:[Uu][Tt][Ff]-8|\x22[Uu][Tt][Ff]-8\x22))?$"
)
EXTENSION_NAME_PATTERN: Final = r"^[a-z0-9]{1,20}$"
INT32_MIN: Final = -(2**31)
INT32_MAX: Final = 2**31 - 1

Token = Annotated[str, Field(min_length=1, pattern=LINE_PATTERN, max_length=limits.EXTENSION_CHARS_MAX)]
EventId = Annotated[str, Field(min_length=1, pattern=LINE_PATTERN, max_length=limits.EVENT_ID_CHARS_MAX)]
ExtensionName = Annotated[str, Field(pattern=EXTENSION_NAME_PATTERN)]
ExtensionValue = (
    Annotated[str, Field(pattern=LINE_PATTERN, max_length=limits.EXTENSION_CHARS_MAX)]
    | bool
    | Annotated[int, Field(ge=INT32_MIN, le=INT32_MAX)]
    | None
)
"""CloudEvents String, Boolean or Integer; null is the same as leaving the attribute out."""

Data = TypeVar("Data")

TIME_RULE: Final[JsonDict] = {
    "anyOf": [
        {
            "required": ["time"],
            "properties": {"time": {"type": "string"}, "timeunknown": {"enum": [False, None]}},
        },
        {
            "required": ["timeunknown"],
            "properties": {"timeunknown": {"const": True}, "time": {"type": "null"}},
        },
    ]
}


class Event(BaseModel, Generic[Data]):
    """A CloudEvents 1.0 event whose data is of one payload model."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, defer_build=True, json_schema_extra=TIME_RULE)
    __pydantic_extra__: dict[ExtensionName, ExtensionValue]

    REQUIRED: ClassVar[tuple[str, ...]] = ("specversion", "id", "source", "type", "subject")

    specversion: Literal["1.0"] = Field(description="The version of CloudEvents.")
    id: EventId = Field(
        description="Unique within the source; the same id again means the same event (CloudEvents id)."
    )
    source: Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=limits.SOURCE_CHARS_MAX)] = Field(
        description="The system that sends: a URI reference such as //metro-police/cad (CloudEvents source)."
    )
    type: Annotated[str, Field(pattern=TYPE_PATTERN)] = Field(
        description="org.tallystick.<noun>.<verb>.v<N>, as listed in the catalogue (CloudEvents type)."
    )
    subject: Annotated[str, Field(pattern=SUBJECT_PATTERN, max_length=limits.SUBJECT_CHARS_MAX)] = Field(
        description="What the event is about, such as call/c-1 (CloudEvents subject)."
    )
    time: Moment | None = Field(
        default=None, description="When it happened: RFC 3339 with an offset (CloudEvents time)."
    )
    timeunknown: bool | None = Field(
        default=None, description="true where the sender's system holds no moment; then time is left out."
    )
    agency: Id | None = Field(
        default=None,
        description="The agency that speaks; may be left out where the sender's credential says it.",
    )
    data: Data = Field(description="What is said: the payload of this event type.")
    datacontenttype: Annotated[str, Field(pattern=CONTENT_TYPE_PATTERN, max_length=100)] | None = Field(
        default=None, description="Always JSON in UTF-8 (CloudEvents datacontenttype)."
    )
    dataschema: Token | None = Field(
        default=None,
        description="Where the sender found the contract; not looked at (CloudEvents dataschema).",
    )
    correlationid: Token | None = Field(default=None, description="What the sender groups events by.")
    causationid: Token | None = Field(default=None, description="The event that led to this one.")
    sensitivity: Literal["public", "internal", "pii", "phi", "part2", "ferpa", "cji"] | None = Field(
        default=None,
        description="The strictest rule the data fall under: phi is HIPAA, part2 42 CFR Part 2, cji CJIS.",
    )
    purpose: Token | None = Field(default=None, description="The purpose for which it is shared.")
    consentref: Token | None = Field(default=None, description="The consent under which it is shared.")
    supersedes: EventId | None = Field(
        default=None, description="The id of an earlier event of the same source that this one replaces."
    )
    expectedversion: Annotated[int, Field(ge=0, le=INT32_MAX)] | None = Field(
        default=None,
        description="For decisions: the version of what is decided about, as the sender last saw it.",
    )

    @model_validator(mode="after")
    def _a_moment_or_none_known(self) -> Self:
        if self.timeunknown:
            if self.time is not None:
                raise PydanticCustomError("time_and_unknown", "time is given, yet timeunknown is true")
        elif self.time is None:
            raise PydanticCustomError("time_missing", "neither time nor timeunknown: true is given")
        return self
