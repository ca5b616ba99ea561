"""A receipt for a decision means an effect: none is recorded that stands before one it should follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.recorded import Accepted, Outcome
from domain.order import Order
from tests.domain.given import adopted, goal, ledger, statuses

LATER = "2025-03-02T10:00:00Z"


def undated(id: str = "undated") -> Accepted:
    return goal(1, id=id, time=None, timeunknown=True)


def refusals(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.problem.code if outcome.problem else None for outcome in outcomes]


def test_a_decision_dated_before_the_last_one_of_its_aggregate_is_refused(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.record([adopted(time=LATER)])
    (outcome,) = book.record([goal(1)])
    assert outcome.problem is not None
    assert ("rejected", "decision_out_of_order", "/time") == (
        outcome.status,
        outcome.problem.code,
        outcome.problem.pointer,
    )
    assert LATER == outcome.problem.extra["last_time"]
    assert outcome.problem.hint
    assert book.plan_version("p1") == 1
    book.close()


def test_a_decision_without_a_moment_is_refused(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    assert [None, "decision_undated"] == refusals(book.record([adopted(), undated()]))
    assert ["decision_undated"] == refusals(book.record([undated("again")]))
    book.close()


def test_the_order_is_read_back_from_the_log(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.record([adopted(time=LATER)])
    book.close()
    book = ledger(tmp_path)
    assert ["decision_out_of_order", None] == refusals(book.record([goal(1), goal(1, id="now", time=LATER)]))
    book.close()


def test_at_one_moment_the_decision_that_would_stand_behind_the_last_on_the_same_is_refused(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    outcomes = book.record([adopted(), goal(2, id="m"), goal(1, id="a"), goal(2, id="b"), goal(2, id="z")])
    assert [None, None, None, "decision_out_of_order", None] == refusals(outcomes)
    book.close()


def test_another_plan_keeps_an_order_of_its_own(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    assert ["recorded"] * 2 == statuses(book.record([adopted(time=LATER), adopted("p2", id="second")]))
    book.close()


def test_control_without_the_order_all_of_it_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Order, "check", lambda *_: None)
    book = ledger(tmp_path)
    assert ["recorded"] * 3 == statuses(book.record([adopted(time=LATER), goal(1), undated()]))
    book.close()
