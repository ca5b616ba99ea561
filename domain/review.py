"""The rules of a review: scheduled once, held once, about one adopted plan, and never of a ledger yet to come.

They are here because a review fixes what was known: held twice it would fix two things under one name, and held as of
an event that nobody has recorded it would fix nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from contracts.faults import fault
from domain.decider import Fact


@dataclass(frozen=True, slots=True)
class ReviewState:
    """What the rules need to know of a review; ``plan`` is "" before anything was decided about it."""

    plan: str = ""
    scheduled: bool = False
    held: bool = False


class ReviewRules:
    """A Decider. A review may be held that nobody had scheduled: the committee met all the same."""

    def initial_state(self) -> ReviewState:
        """Neither scheduled nor held."""
        return ReviewState()

    def decide(self, state: ReviewState, fact: Fact) -> Sequence[Fact]:
        """The fact itself, where no rule refuses it. Raises a Fault with the rule's code where one does."""
        data = fact.data
        if fact.type not in ("review.scheduled", "review.held"):
            raise fault("decision_refused", f"No rule of a review knows {fact.type}.", "/type")
        if state.plan and state.plan != data["plan"]:
            raise fault(
                "review_of_another_plan",
                f"{_name(data)} is of the plan {state.plan!r}, not {data['plan']!r}.",
                "/data/plan",
                plan=state.plan,
            )
        if state.held:
            raise fault("review_already_held", f"{_name(data)} has been held.", "/data/review")
        if fact.type == "review.scheduled" and state.scheduled:
            raise fault("review_already_scheduled", f"{_name(data)} is already scheduled.", "/data/review")
        return (fact,)

    def evolve(self, state: ReviewState, fact: Fact) -> ReviewState:
        """The review after the fact."""
        if fact.type == "review.scheduled":
            return replace(state, plan=fact.data["plan"], scheduled=True)
        if fact.type == "review.held":
            return replace(state, plan=fact.data["plan"], held=True)
        return state


def within_ledger(fact: Fact, head: int) -> None:
    """Refuse a review held as of an event beyond ``head``, the ledger's last log_index as it is recorded.

    Apart from the rules because it is about the ledger, which a rule of one review does not see. Raises the fault
    ``review_ahead_of_ledger``.
    """
    if fact.type == "review.held" and fact.data["as_of"] > head:
        raise fault(
            "review_ahead_of_ledger",
            f"{_name(fact.data)} is held as of event {fact.data['as_of']}, and the ledger ends with {head}.",
            "/data/as_of",
            head=head,
        )


def _name(data: dict[str, Any]) -> str:
    return f"The review {data['review']!r}"
