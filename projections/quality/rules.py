"""The named rules by which reports are checked, as data: which rows each is about and what breaks it.

Here so that every point an agency loses has a name and a sentence, and opens to the records that broke it. The
dimensions are those of DAMA UK, The Six Primary Dimensions for Data Quality Assessment (2013), as far as a ledger of
statements can judge them; a rule's conditions are those of KPI definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from contracts.kpi import AllOf, Before, Condition, Eq, IsNull, NotNull, Past

Dimension = Literal["complete", "consistent", "timely", "correct"]
DIMENSIONS: Final[tuple[Dimension, ...]] = ("correct", "complete", "consistent", "timely")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule over the rows of a population: ``about`` which of them it judges, ``broken`` by what."""

    name: str
    dimension: Dimension
    population: str
    about: Condition
    broken: Condition
    sentence: str


def _all(*conditions: Condition) -> Condition:
    return AllOf(op="all_of", conditions=conditions)


def _is(column: str, value: int = 1) -> Condition:
    return Eq(op="eq", column=column, value=value)


def _known(column: str) -> Condition:
    return NotNull(op="not_null", column=column)


def _missing(column: str) -> Condition:
    return IsNull(op="is_null", column=column)


def _ordered(name: str, population: str, first: str, then: str, sentence: str) -> Rule:
    """Both moments are known and the one that must come later lies earlier."""
    about = _all(_known(first), _known(then))
    return Rule(name, "consistent", population, about, Before(op="before", column=then, other=first), sentence)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "call_undated",
        "complete",
        "calls",
        _is("received"),
        _missing("received_at"),
        "A call says when it was received.",
    ),
    Rule(
        "call_not_triaged",
        "complete",
        "calls",
        _is("received"),
        _missing("triaged"),
        "Somebody says whether a call was eligible.",
    ),
    Rule(
        "encounter_without_disposition",
        "complete",
        "calls",
        _all(_is("engaged"), Past(op="past", column="engaged_at", days=7)),
        _missing("disposition"),
        "Seven days after a person was engaged, the encounter has a disposition.",
    ),
    Rule(
        "referral_undated",
        "complete",
        "referrals",
        _is("requested"),
        _missing("requested_at"),
        "A referral says when it was requested.",
    ),
    Rule(
        "service_undated",
        "complete",
        "services",
        _is("delivered"),
        _missing("delivered_at"),
        "A service says when it was delivered.",
    ),
    _ordered(
        "arrival_before_call",
        "calls",
        "received_at",
        "arrived_at",
        "Nobody arrives before the call was received.",
    ),
    _ordered(
        "arrival_before_dispatch",
        "calls",
        "dispatched_at",
        "arrived_at",
        "Nobody arrives before being dispatched.",
    ),
    _ordered(
        "engaged_before_arrival",
        "calls",
        "arrived_at",
        "engaged_at",
        "Nobody is engaged before the team arrives.",
    ),
    _ordered(
        "closed_before_engaged",
        "calls",
        "engaged_at",
        "closed_at",
        "No encounter is closed before the person was engaged.",
    ),
    _ordered(
        "accepted_before_requested",
        "referrals",
        "requested_at",
        "accepted_at",
        "No referral is accepted before it was requested.",
    ),
    _ordered(
        "ended_before_requested",
        "referrals",
        "requested_at",
        "ended_at",
        "No referral ends before it was requested.",
    ),
    Rule(
        "accepted_and_declined",
        "consistent",
        "referrals",
        _is("accepted"),
        _is("declined"),
        "A referral is not both accepted and declined.",
    ),
    Rule(
        "completed_and_failed",
        "consistent",
        "referrals",
        _is("completed"),
        _is("failed"),
        "A referral has not both been completed and failed.",
    ),
)
"""Names are stable: they are part of the published language."""
