"""Commitments under an agreement: what one party owes another, by when, and what both say about its delivery.

The promise itself is a decision; evidence, acceptance, dispute and waiver are statements of the parties,
recorded side by side.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from contracts.declaration import Bad, EventType, Family
from contracts.fields import Date, Id, Name, Payload, Period, Quantity, Text
from contracts.refusals import missing, unknown, wrong


class Recurrence(Payload):
    """A delivery that falls due at the end of every period between two days."""

    every: Literal["month", "quarter", "year"] = Field(description="How often (FHIR Timing.repeat.periodUnit).")
    from_: Date = Field(alias="from", description="The first period is the one this day falls in.")
    until: Date = Field(description="The last period is the one this day falls in.")


_ONE_OF_DUE_AND_RECURRENCE: JsonDict = {
    "oneOf": [
        {"required": ["due"], "properties": {"due": {"type": "string"}, "recurrence": {"type": "null"}}},
        {
            "required": ["recurrence"],
            "properties": {"recurrence": {"type": "object"}, "due": {"type": "null"}},
        },
    ]
}


class CommitmentMade(Payload):
    """One party has promised another a deliverable, once by a day or again in every period."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF_DUE_AND_RECURRENCE)

    commitment: Id = Field(description="The commitment's id.")
    agreement: Id = Field(description="The agreement that holds it.")
    clause: Name = Field(description="Where in the agreement it is written, such as 4.2(b).")
    obligor: Id = Field(description="The agency that owes.")
    obligee: Id = Field(description="The agency that is owed.")
    deliverable: Text = Field(description="What is to be delivered, in the agreement's words.")
    quantity: Quantity | None = Field(default=None, description="How much is to be delivered by each due day.")
    unit: Name | None = Field(default=None, description="What the quantity counts.")
    due: Date | None = Field(default=None, description="The day by which it is to be delivered once.")
    recurrence: Recurrence | None = Field(default=None, description="The rule by which it is to be delivered again.")

    @model_validator(mode="after")
    def _due_once_or_again(self) -> Self:
        if (self.due is None) == (self.recurrence is None):
            raise PydanticCustomError("due_or_recurrence", "exactly one of due and recurrence must be given")
        return self


class CommitmentEvidenced(Payload):
    """The obligor says what it delivered."""

    commitment: Id = Field(description="The commitment's id.")
    period: Period | None = Field(default=None, description="The period it was delivered for, where it recurs.")
    quantity: Quantity = Field(description="How much was delivered (IATI transaction value, counted in the unit).")
    evidence_ref: Name = Field(description="Where the evidence is kept: a document's id or address.")


class CommitmentAccepted(Payload):
    """The obligee agrees that the commitment was kept."""

    commitment: Id = Field(description="The commitment's id.")
    period: Period | None = Field(default=None, description="The period in question, where it recurs.")


class CommitmentDisputed(Payload):
    """A party does not agree that the commitment was kept."""

    commitment: Id = Field(description="The commitment's id.")
    period: Period | None = Field(default=None, description="The period in question, where it recurs.")
    reason: Text = Field(description="What is in dispute.")


class CommitmentWaived(Payload):
    """The obligee does not insist on the delivery."""

    commitment: Id = Field(description="The commitment's id.")
    period: Period | None = Field(default=None, description="The period in question, where it recurs.")
    reason: Text = Field(description="Why it was waived.")


def _in_order(data: dict[str, Any]) -> tuple[str, str] | None:
    recurrence = data.get("recurrence")
    if recurrence and recurrence["until"] < recurrence["from"]:
        return "/recurrence/until", f"until lies before from ({recurrence['from']})"
    return None


_MADE = {
    "commitment": "cit-seats",
    "agreement": "mou-2025",
    "clause": "4.2(b)",
    "obligor": "lakeside-health",
    "obligee": "county",
    "deliverable": "Seats in crisis intervention training",
}
_ONCE = {**_MADE, "quantity": 40, "unit": "seats", "due": "2025-06-30"}
_MONTHLY = {"every": "month", "from": "2025-01-01", "until": "2025-12-31"}
_ABOUT = {"commitment": "cit-seats", "period": "2025-03"}

_EVIDENCED = {**_ABOUT, "quantity": 12.5, "evidence_ref": "roster-2025-03"}
_DOUBTED = {**_ABOUT, "reason": "Half of the seats were online only."}
_WAIVED = {**_ABOUT, "reason": "Wildfire emergency."}


def _broken_recurrence(*fields: str) -> tuple[Bad, ...]:
    """A recurrence without one of its fields, for each."""
    return tuple(
        Bad(
            {**_MADE, "recurrence": {name: value for name, value in _MONTHLY.items() if name != field}},
            "field_missing",
            f"/data/recurrence/{field}",
        )
        for field in fields
    )


FAMILY = Family(
    "commitment",
    "Commitments",
    (
        EventType(
            name="commitment.made",
            model=CommitmentMade,
            subject="commitment/{commitment}",
            kind="decision",
            aggregate="agreement",
            rule=_in_order,
            good=(_ONCE, {**_MADE, "recurrence": _MONTHLY}),
            bad=(
                Bad(_MADE, "data_invalid", "/data"),
                Bad({**_ONCE, "recurrence": _MONTHLY}, "data_invalid", "/data"),
                Bad({**_ONCE, "quantity": 0}, "data_invalid", "/data/quantity"),
                Bad(
                    {**_MADE, "recurrence": {"every": "month", "from": "2025-01-01"}},
                    "field_missing",
                    "/data/recurrence/until",
                ),
                Bad(
                    {**_MADE, "recurrence": {**_MONTHLY, "until": "2024-12-31"}},
                    "data_invalid",
                    "/data/recurrence/until",
                ),
                *missing(_ONCE, "commitment", "agreement", "clause", "obligor", "obligee", "deliverable"),
                *wrong(
                    _ONCE, commitment="cit seats", clause="4.2\n", deliverable="\u0000", quantity=2e12, due="2025-02-30"
                ),
                *wrong(_ONCE, clause="", deliverable=""),
                *_broken_recurrence("every", "from"),
                Bad({**_MADE, "recurrence": {**_MONTHLY, "every": "week"}}, "data_invalid", "/data/recurrence/every"),
                Bad({**_MADE, "recurrence": {**_MONTHLY, "on": "friday"}}, "field_unknown", "/data/recurrence/on"),
                *unknown(_ONCE),
            ),
        ),
        EventType(
            name="commitment.evidenced",
            model=CommitmentEvidenced,
            subject="commitment/{commitment}",
            good=(
                {**_ABOUT, "quantity": 12.5, "evidence_ref": "roster-2025-03"},
                {"commitment": "cit-seats", "quantity": 40, "evidence_ref": "roster"},
            ),
            bad=(
                Bad(
                    {**_ABOUT, "quantity": "12", "evidence_ref": "roster-2025-03"},
                    "data_invalid",
                    "/data/quantity",
                ),
                Bad(
                    {"commitment": "cit-seats", "period": "March", "quantity": 1, "evidence_ref": "r"},
                    "data_invalid",
                    "/data/period",
                ),
                *missing(_EVIDENCED, "commitment", "quantity", "evidence_ref"),
                *wrong(_EVIDENCED, commitment="cit seats", quantity=0, evidence_ref=""),
                *wrong(_EVIDENCED, quantity=2e12, evidence_ref="a\nb"),
                *unknown(_EVIDENCED),
            ),
        ),
        EventType(
            name="commitment.accepted",
            model=CommitmentAccepted,
            subject="commitment/{commitment}",
            good=(_ABOUT,),
            bad=(
                Bad({**_ABOUT, "periode": "2025-03"}, "field_unknown", "/data/periode"),
                *missing(_ABOUT, "commitment"),
                *wrong(_ABOUT, commitment="cit seats", period="March"),
            ),
        ),
        EventType(
            name="commitment.disputed",
            model=CommitmentDisputed,
            subject="commitment/{commitment}",
            good=({**_ABOUT, "reason": "Half of the seats were online only."},),
            bad=(
                Bad(_ABOUT, "field_missing", "/data/reason"),
                *missing(_DOUBTED, "commitment"),
                *wrong(_DOUBTED, commitment="cit seats", period="March", reason="\u0000"),
                *wrong(_DOUBTED, reason=""),
                *unknown(_DOUBTED),
            ),
        ),
        EventType(
            name="commitment.waived",
            model=CommitmentWaived,
            subject="commitment/{commitment}",
            good=({**_ABOUT, "reason": "Wildfire emergency."},),
            bad=(
                Bad({**_ABOUT, "reason": "\u0000"}, "data_invalid", "/data/reason"),
                *missing(_WAIVED, "commitment", "reason"),
                *wrong(_WAIVED, commitment="cit seats", period="March", reason=""),
                *unknown(_WAIVED),
            ),
        ),
    ),
)
