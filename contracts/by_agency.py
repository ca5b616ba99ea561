"""A payload field that holds one value for each of several agencies, such as how many of each attended.

It is here because a mapping with names for keys is written differently by the model and by JSON Schema unless
both are told: as published, every key matches the pattern of an agency's id and no other key is taken.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from contracts import limits
from contracts.fields import Id, SomeIds


class _EveryKeyIsAnId:
    """Says in the schema that the pattern holds for every key; pydantic alone lets other keys pass."""

    @staticmethod
    def __get_pydantic_json_schema__(core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = dict(handler(core))
        ((pattern, value),) = schema.pop("patternProperties").items()
        schema["propertyNames"] = {**schema.get("propertyNames", {}), "pattern": pattern}
        schema["additionalProperties"] = value
        return schema


_SOME = Field(min_length=1, max_length=limits.LIST_ITEMS_MAX)

Headcount = Annotated[int, Field(ge=0, le=1_000_000)]
"""How many people; 0 says that there were none."""

HeadcountByAgency = Annotated[dict[Id, Headcount], _SOME, _EveryKeyIsAnId]
IdsByAgency = Annotated[dict[Id, SomeIds], _SOME, _EveryKeyIsAnId]
Vote = Literal["for", "against", "abstained"]
VoteByAgency = Annotated[dict[Id, Vote], _SOME, _EveryKeyIsAnId]
