"""The strategic plan: adopted, with its goals and objectives.

All are decisions about one plan; whatever is measured hangs on an objective, and an objective that nobody owns
shows as such.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Date, Id, Ids, Name, Payload, Text, Version
from contracts.refusals import missing, unknown, wrong


class PlanPeriod(Payload):
    """The days a plan covers, both included."""

    from_: Date = Field(alias="from", description="First day.")
    to: Date = Field(description="Last day.")


class PlanAdopted(Payload):
    """The partners have adopted this version of the plan."""

    plan: Id = Field(description="The plan's id.")
    version: Version = Field(description="1 for the first adoption; every later adoption counts up.")
    period: PlanPeriod = Field(description="The days the plan covers.")
    title: Name | None = Field(default=None, description="The plan's title as shown to people.")
    ratified_by: Ids = Field(default=(), description="The agencies that ratified it.")


class GoalSet(Payload):
    """The plan has this goal, or this wording of it, from now on."""

    plan: Id = Field(description="The plan's id.")
    goal: Id = Field(description="The goal's id.")
    statement: Text = Field(description="The goal in the plan's words (RBA: a result, a condition of well-being).")
    position: Annotated[int, Field(ge=0, le=1_000)] | None = Field(
        default=None, description="Its place among the plan's goals."
    )


class ObjectiveSet(Payload):
    """A goal has this objective, or this wording or ownership of it, from now on."""

    plan: Id = Field(description="The plan's id.")
    goal: Id = Field(description="The goal it serves.")
    objective: Id = Field(description="The objective's id.")
    statement: Text = Field(description="The objective in the plan's words.")
    owners: Ids = Field(default=(), description="The agencies answerable for it; none is shown as unowned.")
    contributors: Ids = Field(default=(), description="The agencies that help without answering for it.")


def _days_in_order(data: dict[str, Any]) -> tuple[str, str] | None:
    if data["period"]["to"] < data["period"]["from"]:
        return "/period/to", f"to lies before from ({data['period']['from']})"
    return None


_ADOPTED = {"plan": "plan-2025", "version": 1, "period": {"from": "2025-01-01", "to": "2027-12-31"}}
_PERIOD = {"from": "2025-01-01", "to": "2027-12-31"}
_GOAL = {"plan": "plan-2025", "goal": "g1", "statement": "People in crisis get care first."}
_OBJECTIVE = {"plan": "plan-2025", "goal": "g1", "objective": "o1", "statement": "Resolve crises where they happen."}


def _bad_period(period: dict[str, str], field: str, code: str = "data_invalid") -> tuple[Bad, ...]:
    return (Bad({**_ADOPTED, "period": period}, code, f"/data/period/{field}"),)


FAMILY = Family(
    "plan",
    "Strategic plan",
    (
        EventType(
            name="plan.adopted",
            model=PlanAdopted,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            rule=_days_in_order,
            good=(
                _ADOPTED,
                {**_ADOPTED, "title": "Crisis care together", "ratified_by": ["county", "lakeside-health"]},
            ),
            bad=(
                Bad({**_ADOPTED, "version": 0}, "data_invalid", "/data/version"),
                Bad({**_ADOPTED, "period": {"from": "2025-01-01"}}, "field_missing", "/data/period/to"),
                Bad(
                    {**_ADOPTED, "period": {"from": "2025-01-01", "to": "2024-12-31"}},
                    "data_invalid",
                    "/data/period/to",
                ),
                *missing(_ADOPTED, "plan", "version", "period"),
                *wrong(_ADOPTED, plan="plan 2025", version=10_001, title="", ratified_by=["county", "county"]),
                *wrong(_ADOPTED, title="a\nb"),
                *_bad_period({"to": "2027-12-31"}, "from", "field_missing"),
                *_bad_period({**_PERIOD, "to": "2027-02-30"}, "to"),
                *_bad_period({**_PERIOD, "until": "2027-12-31"}, "until", "field_unknown"),
                *unknown(_ADOPTED),
            ),
        ),
        EventType(
            name="goal.set",
            model=GoalSet,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            good=(
                {
                    "plan": "plan-2025",
                    "goal": "g1",
                    "statement": "People in crisis get care first.",
                    "position": 1,
                },
            ),
            bad=(
                Bad({"plan": "plan-2025", "goal": "g1"}, "field_missing", "/data/statement"),
                *missing(_GOAL, "plan", "goal"),
                *wrong(_GOAL, plan="plan 2025", statement="\u0000", position=-1),
                *wrong(_GOAL, statement="", position=1_001),
                *unknown(_GOAL),
            ),
        ),
        EventType(
            name="objective.set",
            model=ObjectiveSet,
            subject="plan/{plan}",
            kind="decision",
            aggregate="plan",
            good=(
                {
                    "plan": "plan-2025",
                    "goal": "g1",
                    "objective": "o1",
                    "statement": "Resolve crises where they happen.",
                    "owners": ["lakeside-health"],
                    "contributors": ["county"],
                },
                {"plan": "plan-2025", "goal": "g1", "objective": "o2", "statement": "Nobody owns this one."},
            ),
            bad=(
                Bad(
                    {
                        "plan": "plan-2025",
                        "goal": "g1",
                        "objective": "o1",
                        "statement": "x",
                        "owners": "county",
                    },
                    "data_invalid",
                    "/data/owners",
                ),
                *missing(_OBJECTIVE, "plan", "goal", "objective", "statement"),
                *wrong(_OBJECTIVE, objective="o 1", statement="\u0000", owners=["county", "county"]),
                *wrong(_OBJECTIVE, statement=""),
                *unknown(_OBJECTIVE),
            ),
        ),
    ),
)
