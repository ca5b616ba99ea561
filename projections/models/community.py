"""What the community said: surveys, public meetings and the input that was given at them.

Here because trust is measured by asking, and because input that nobody answers should be seen.
"""

from math import fsum

import orjson

from projections.calendar import month_of
from projections.merges import Derived, Model, Slot, SubjectKey, at, by_agency, data, won


def score_of(items: str | None) -> float | None:
    """The mean score of the items that have one; None unless more than half of the items do."""
    asked = [] if items is None else orjson.loads(items)
    scores = [item["score"] for item in asked if item.get("score") is not None]
    return fsum(scores) / len(scores) if 2 * len(scores) > len(asked) else None


SURVEYS = Model(
    name="surveys",
    key_column="survey",
    key=SubjectKey("survey/"),
    slots=(
        Slot(
            "collected",
            "last",
            ("survey.collected",),
            (
                at("collected_at"),
                data("instrument"),
                data("version"),
                data("mode"),
                data("n", kind="integer"),
                data("response_rate", kind="real"),
                data("person_group"),
                data("items", kind="json"),
                data("scale_min", kind="real"),
                data("scale_max", kind="real"),
                by_agency("agency"),
                won("collected"),
            ),
        ),
    ),
    derived=(
        Derived("score", score_of, ("items",), kind="real"),
        Derived("month", month_of, ("collected_at",), zoned=True),
    ),
    indexes=(("month",),),
)

ENGAGEMENTS = Model(
    name="engagements",
    key_column="engagement",
    key=SubjectKey("engagement/"),
    slots=(
        Slot(
            "held",
            "first",
            ("engagement.held",),
            (
                at("held_at"),
                data("kind"),
                data("attendance", kind="integer"),
                data("languages", kind="json"),
                by_agency("agency"),
                won("held"),
            ),
        ),
    ),
    derived=(Derived("month", month_of, ("held_at",), zoned=True),),
    indexes=(("month",),),
)

INPUTS = Model(
    name="inputs",
    key_column="input",
    key=SubjectKey("input/"),
    slots=(
        Slot(
            "recorded",
            "first",
            ("input.recorded",),
            (at("recorded_at"), data("engagement"), data("topic"), by_agency("agency"), won("recorded")),
        ),
        Slot("answered", "first", ("input.answered",), (at("answered_at"), won("answered"))),
    ),
    derived=(Derived("month", month_of, ("recorded_at",), zoned=True),),
    indexes=(("month",),),
)

MODELS = (SURVEYS, ENGAGEMENTS, INPUTS)
