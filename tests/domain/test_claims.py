"""A version of a KPI belongs to one plan and a commitment to one agreement, whatever the others decide."""

from __future__ import annotations

import pytest

from contracts.catalogue import CATALOGUE
from contracts.recorded import Accepted
from domain.appending import Appending
from domain.ledger import Ledger
from tests.domain.given import adopted, event, goal, ledger, statuses
from tests.domain.homes import Home, tampered


def plan(name: str) -> list[Accepted]:
    """A plan with a goal and an objective, nothing measured yet."""
    data = {"plan": name, "goal": "g1", "objective": "o1", "statement": "Resolve crises where they happen."}
    return [
        adopted(name, id=f"adopt-{name}"),
        goal(1, name, id=f"goal-{name}"),
        event("objective.set", data, id=f"objective-{name}", subject=f"plan/{name}"),
    ]


def kpi(name: str, version: int = 1) -> Accepted:
    sample = CATALOGUE.entry("kpi.defined.v1").good[0]
    data = {
        **sample,
        "plan": name,
        "objective": "o1",
        "version": version,
        "definition": {**sample["definition"], "version": version},
    }
    return event("kpi.defined", data, id=f"{name}-kpi-{version}", subject=f"plan/{name}")


def signed(name: str) -> Accepted:
    data = {"agreement": name, "kind": "mou", "parties": ["county", "clinic"], "effective": "2025-01-01"}
    return event("agreement.signed", data, id=f"sign-{name}", subject=f"agreement/{name}")


def promised(name: str, id: str) -> Accepted:
    data = {
        "commitment": "c1",
        "agreement": name,
        "clause": "4.2",
        "obligor": "clinic",
        "obligee": "county",
        "deliverable": "A monthly report.",
        "due": "2025-06-30",
    }
    return event("commitment.made", data, id=id, subject="commitment/c1")


def told(book: Ledger, *sent: Accepted) -> list[str | None]:
    return [outcome.problem.code if outcome.problem else None for outcome in book.record(sent)]


def test_a_second_plan_cannot_define_a_kpi_under_the_version_of_the_first(home: Home) -> None:
    book = ledger(home)
    assert [None] * 6 == told(book, *plan("p1"), *plan("p2"))
    assert [None, "decision_held_elsewhere", None] == told(book, kpi("p1"), kpi("p2"), kpi("p1", 2))
    (outcome,) = book.record([kpi("p2")])
    assert outcome.problem is not None
    assert ("/data/kpi", "plan/p1") == (outcome.problem.pointer, outcome.problem.extra["holder"])
    assert (5, 3) == (book.plan_version("p1"), book.plan_version("p2"))
    assert book.verify().ok
    book.close()


def test_a_second_agreement_cannot_make_the_commitment_of_the_first(home: Home) -> None:
    book = ledger(home)
    assert [None] * 3 == told(book, signed("m1"), signed("m2"), promised("m1", "one"))
    assert ["decision_held_elsewhere", "commitment_exists"] == told(
        book, promised("m2", "two"), promised("m1", "three")
    )
    assert book.verify().ok
    book.close()


def test_control_without_the_look_at_claims_the_whole_batch_fails_on_the_table(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = ledger(home)
    book.record([signed("m1"), signed("m2"), promised("m1", "one")])
    with monkeypatch.context() as blind:
        blind.setattr(Appending, "holder", lambda *_: None)
        with pytest.raises(Exception, match=r"home_unusable.*claims\.claim|claims_pkey"):
            book.record([promised("m2", "two")])
        blind.setattr(Appending, "hold", lambda *_: None)
        assert ["recorded"] == statuses(book.record([promised("m2", "two")]))
    assert any("was taken by event 3 already" in found.sentence for found in book.verify().problems)
    book.close()


@pytest.mark.parametrize("statement", ["DELETE FROM claims", "UPDATE claims SET log_index = 1"])
def test_claims_are_kept_for_good_and_verified(home: Home, statement: str) -> None:
    book = ledger(home)
    book.record([signed("m1"), promised("m1", "one")])
    with pytest.raises(Exception, match="append-only"), book.store().write() as connection:
        connection.exec_driver_sql(statement)
    book.close()
    tampered(home, statement)
    book = ledger(home, writable=False)
    assert ["commitment/c1 is this event's by its body alone"] == [
        found.sentence for found in book.verify().problems if found.log_index == 2
    ]
    book.close()
