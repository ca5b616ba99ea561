"""Actions: what someone is to do by a day, opened out of a number, a breach, a restatement or a decision.

A number that is off track and leads to nothing is only looked at; an action makes someone owe an answer.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Date, Id, KpiId, Name, Payload, Text
from contracts.refusals import broken, missing, unknown, wrong


class ActionAbout(Payload):
    """What an action answers to."""

    kpi: KpiId | None = Field(default=None, description="A KPI that is off track, stale or unowned.")
    obligation: Name | None = Field(default=None, description="An obligation that was not met.")
    restatement: Name | None = Field(default=None, description="A published number that was restated.")
    decision: Id | None = Field(default=None, description="The committee's decision it carries out.")


class ActionOpened(Payload):
    """An agency is to do something by a day (FHIR Task with Task.restriction.period.end)."""

    action: Id = Field(description="The action's id.")
    plan: Id = Field(description="The plan it belongs to.")
    owner: Id = Field(description="The agency that is to do it (FHIR Task.owner).")
    due: Date = Field(description="The last day on which it is done in time.")
    what: Text = Field(description="What is to be done.")
    about: ActionAbout | None = Field(default=None, description="What it answers to (FHIR Task.focus).")


class ActionClosed(Payload):
    """The action is done, with evidence of it (FHIR Task.status completed)."""

    action: Id = Field(description="The action's id.")
    evidence_ref: Name = Field(description="Where the evidence is kept: a document's id or address.")
    note: Text | None = Field(default=None, description="What was done.")


def _about_something(data: dict[str, Any]) -> tuple[str, str] | None:
    about = data.get("about")
    if about is not None and all(value is None for value in about.values()):
        return "/about", "about names nothing: give one of kpi, obligation, restatement and decision, or leave it out"
    return None


_OPENED: dict[str, Any] = {
    "action": "a-1",
    "plan": "plan-2025",
    "owner": "lakeside-health",
    "due": "2025-06-30",
    "what": "Find out why referrals wait.",
}
_CLOSED = {"action": "a-1", "evidence_ref": "memo-2025-06"}


def _about(**about: Any) -> dict[str, Any]:
    return {**_OPENED, "about": about}


FAMILY = Family(
    "action",
    "Actions",
    (
        EventType(
            name="action.opened",
            model=ActionOpened,
            subject="action/{action}",
            kind="decision",
            aggregate="action",
            rule=_about_something,
            good=(_OPENED, _about(kpi="K17"), _about(obligation="commitment/cit-seats#2025-03")),
            bad=(
                *missing(_OPENED, "action", "plan", "owner", "due", "what"),
                *wrong(_OPENED, action="a 1", due="2025-06-31", what="", about="K17"),
                *wrong(_OPENED, what="\u0000"),
                Bad(_about(kpi="k17"), "data_invalid", "/data/about/kpi"),
                Bad(_about(obligation=""), "data_invalid", "/data/about/obligation"),
                Bad(_about(obligation="a\nb"), "data_invalid", "/data/about/obligation"),
                Bad(_about(restatement=""), "data_invalid", "/data/about/restatement"),
                Bad(_about(decision="de 1"), "data_invalid", "/data/about/decision"),
                Bad(_about(goal="g1"), "field_unknown", "/data/about/goal"),
                *broken(_about(), "/about"),
                *unknown(_OPENED),
            ),
        ),
        EventType(
            name="action.closed",
            model=ActionClosed,
            subject="action/{action}",
            kind="decision",
            aggregate="action",
            good=(_CLOSED, {**_CLOSED, "note": "Two intake slots a day are kept free."}),
            bad=(
                *missing(_CLOSED, "action", "evidence_ref"),
                *wrong(_CLOSED, action="a 1", evidence_ref="", note="\u0000"),
                *wrong(_CLOSED, evidence_ref="a\nb", note=""),
                *unknown(_CLOSED),
            ),
        ),
    ),
)
