"""The rules of a review, as given / when / then."""

from __future__ import annotations

from functools import partial

import pytest

from contracts.faults import Fault
from domain.decider import Fact
from domain.review import ReviewRules, within_ledger
from tests.domain import given as telling

SCHEDULED = Fact("review.scheduled", {"review": "march", "plan": "p1", "due": "2025-03-20"})


def held(plan: str = "p1", as_of: int = 7) -> Fact:
    data = {"review": "march", "plan": plan, "as_of": as_of, "cells_sha256": "0" * 64, "cells": 3}
    return Fact("review.held", data)


given = partial(telling.given, ReviewRules())
decided = partial(telling.decided, ReviewRules())
refusal = partial(telling.refusal, ReviewRules())


def test_a_review_is_scheduled_once() -> None:
    assert [SCHEDULED] == decided(given(), SCHEDULED)
    assert ("review_already_scheduled", "/data/review") == refusal(given(SCHEDULED), SCHEDULED)


def test_a_review_is_held_once_scheduled_or_not() -> None:
    assert [held()] == decided(given(SCHEDULED), held())
    assert [held()] == decided(given(), held())
    assert ("review_already_held", "/data/review") == refusal(given(SCHEDULED, held()), held())


def test_a_review_that_was_held_is_not_scheduled_afterwards() -> None:
    assert ("review_already_held", "/data/review") == refusal(given(held()), SCHEDULED)


def test_a_review_stays_with_its_plan() -> None:
    assert ("review_of_another_plan", "/data/plan") == refusal(given(SCHEDULED), held("p2"))


def test_nothing_is_reviewed_that_is_not_recorded_yet() -> None:
    within_ledger(held(as_of=7), 7)
    within_ledger(SCHEDULED, 0)
    with pytest.raises(Fault) as told:
        within_ledger(held(as_of=8), 7)
    assert ("review_ahead_of_ledger", "/data/as_of") == (told.value.problem.code, told.value.problem.pointer)


def test_a_decision_without_a_rule_is_refused() -> None:
    assert ("decision_refused", "/type") == refusal(given(), Fact("review.cancelled", {"review": "march"}))
