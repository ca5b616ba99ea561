"""Surveys, as the totals of one wave of one instrument; answers of single people stay outside.

How many answered each item is kept beside its score, because a score over whoever cared to answer looks the
same as one over everybody.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts import limits
from contracts.declaration import Bad, EventType, Family, every
from contracts.fields import Counted, Id, Measured, Name, Payload
from contracts.refusals import broken, missing, unknown, wrong

Answers = Annotated[int, Field(ge=0, le=10_000_000)]


class SurveyItem(Payload):
    """One question of the instrument over everybody who answered it."""

    item: Id = Field(description="The item's code in the instrument.")
    score: Measured | None = Field(
        default=None, description="The mean of the answers on the instrument's scale; null where nobody answered."
    )
    answered: Answers | None = Field(default=None, description="How many answered this item.")
    sd: Counted | None = Field(default=None, description="Standard deviation of the answers.")


class SurveyCollected(Payload):
    """One wave of a survey was closed."""

    survey: Id = Field(description="The wave's id.")
    instrument: Name = Field(description="The instrument, as its publisher names it.")
    version: Name = Field(description="The instrument's version; scores of two versions are not one series.")
    mode: Literal["web", "phone", "paper", "in_person"] = Field(description="How it was asked (AAPOR survey mode).")
    n: Annotated[int, Field(ge=1, le=10_000_000)] = Field(description="How many people answered at all.")
    response_rate: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None, description="Per cent of those asked who answered (AAPOR response rate)."
    )
    person_group: Id | None = Field(default=None, description="A population group's code, where only it was asked.")
    items: Annotated[tuple[SurveyItem, ...], Field(min_length=1, max_length=limits.LIST_ITEMS_MAX)] = Field(
        description="The items, each with its score."
    )
    scale_min: Measured | None = Field(default=None, description="The lowest answer the scale has.")
    scale_max: Measured | None = Field(default=None, description="The highest answer the scale has.")


def _scale_in_order(data: dict[str, Any]) -> tuple[str, str] | None:
    least, greatest = data.get("scale_min"), data.get("scale_max")
    if least is not None and greatest is not None and greatest <= least:
        return "/scale_max", f"scale_max is not above scale_min ({least})"
    return None


def _scores_within_scale(data: dict[str, Any]) -> tuple[str, str] | None:
    least, greatest = data.get("scale_min"), data.get("scale_max")
    for place, item in enumerate(data["items"]):
        score = item.get("score")
        if score is None:
            continue
        if (least is not None and score < least) or (greatest is not None and score > greatest):
            return f"/items/{place}/score", f"{score} lies outside the scale ({least} to {greatest})"
    return None


def _no_more_answers_than_people(data: dict[str, Any]) -> tuple[str, str] | None:
    for place, item in enumerate(data["items"]):
        if (item.get("answered") or 0) > data["n"]:
            return f"/items/{place}/answered", f"{item['answered']} answered the item, but {data['n']} the survey"
    return None


def _items_once(data: dict[str, Any]) -> tuple[str, str] | None:
    seen: set[str] = set()
    for place, item in enumerate(data["items"]):
        if item["item"] in seen:
            return f"/items/{place}/item", "the item is already told"
        seen.add(item["item"])
    return None


_COLLECTED: dict[str, Any] = {
    "survey": "su-2025-1",
    "instrument": "Trust in Police",
    "version": "2",
    "mode": "web",
    "n": 412,
    "items": [{"item": "q1", "score": 3.4}],
}
_FULL: dict[str, Any] = {
    **_COLLECTED,
    "response_rate": 21.5,
    "person_group": "g2",
    "scale_min": 1,
    "scale_max": 5,
    "items": [{"item": "q1", "score": 3.4, "answered": 400, "sd": 1.1}, {"item": "q2", "score": None, "answered": 0}],
}


def _items(*items: dict[str, Any]) -> dict[str, Any]:
    return {**_FULL, "items": list(items)}


_Q1 = {"item": "q1", "score": 3.4}

FAMILY = Family(
    "survey",
    "Surveys",
    (
        EventType(
            name="survey.collected",
            model=SurveyCollected,
            subject="survey/{survey}",
            rule=every(_scale_in_order, _scores_within_scale, _no_more_answers_than_people, _items_once),
            good=(_COLLECTED, _FULL),
            bad=(
                *missing(_COLLECTED, "survey", "instrument", "version", "mode", "n", "items"),
                *wrong(_FULL, survey="su 1", instrument="", version="2\n", mode="fax", n=0, response_rate=101),
                *wrong(_FULL, n=10_000_001, response_rate=-1, items=[], scale_min=-2e12, scale_max=2e12),
                *wrong(_FULL, version=2, scale_min=2e12, scale_max=-2e12),
                *wrong(_FULL, version=""),
                Bad(_items({"score": 3}), "field_missing", "/data/items/0/item"),
                Bad(_items({**_Q1, "score": "good"}), "data_invalid", "/data/items/0/score"),
                Bad(_items({**_Q1, "score": 2e12}), "data_invalid", "/data/items/0/score"),
                Bad(_items({**_Q1, "score": -2e12}), "data_invalid", "/data/items/0/score"),
                Bad(_items({**_Q1, "answered": -1}), "data_invalid", "/data/items/0/answered"),
                Bad(_items({**_Q1, "answered": 10_000_001}), "data_invalid", "/data/items/0/answered"),
                Bad(_items({**_Q1, "sd": -0.1}), "data_invalid", "/data/items/0/sd"),
                Bad(_items({**_Q1, "sd": 2e12}), "data_invalid", "/data/items/0/sd"),
                Bad(_items({**_Q1, "text": "Do you trust us?"}), "field_unknown", "/data/items/0/text"),
                *broken({**_FULL, "scale_max": 1}, "/scale_max"),
                *broken(_items({**_Q1, "score": 5.5}), "/items/0/score"),
                *broken(_items({**_Q1, "answered": 413}), "/items/0/answered"),
                *broken(_items(_Q1, _Q1), "/items/1/item"),
                *unknown(_COLLECTED),
            ),
        ),
    ),
)
