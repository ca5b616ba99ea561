"""Decisions inside the recording transaction: in order, as received, guarded by the version seen."""

from __future__ import annotations

from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from contracts.faults import Fault, RejectedFault, problem
from contracts.recorded import Accepted
from domain.appending import Appending
from domain.governance import Governance
from domain.shells import Decided, DecisionMapper
from tests.domain.given import adopted, call, event, goal, ledger, statuses
from tests.domain.homes import Home


def definition(version: int = 1) -> dict[str, Any]:
    from contracts.catalogue import CATALOGUE

    sample = CATALOGUE.entry("kpi.defined.v1").good[0]
    return {**sample["definition"], "version": version}


def kpi(version: int = 1, **attributes: Any) -> Accepted:
    data = {
        "plan": "p1",
        "objective": "o1",
        "kpi": definition()["kpi"],
        "version": version,
        "definition": definition(version),
        "effective_from": "2025-01-01",
    }
    return event("kpi.defined", data, id=f"kpi-{version}", subject="plan/p1", **attributes)


def objective() -> Accepted:
    data = {"plan": "p1", "goal": "g1", "objective": "o1", "statement": "Resolve crises where they happen."}
    return event("objective.set", data, id="objective", subject="plan/p1")


def test_decisions_of_one_batch_see_each_other_and_keep_their_order(home: Home) -> None:
    book = ledger(home)
    batch = [goal(1, id="early"), call(1), adopted(), call(2), goal(1), objective(), kpi()]
    outcomes = book.record(batch)
    assert ["rejected", *["recorded"] * 6] == statuses(outcomes)
    assert [o.receipt.log_index if o.receipt else None for o in outcomes] == [None, 1, 2, 3, 4, 5, 6]
    assert [e.id for e in batch[1:]] == [read.id for read in book.reader().after(0, 9)]
    assert book.plan_version("p1") == 4
    book.close()


def test_a_decision_is_stored_as_exactly_the_bytes_received(home: Home) -> None:
    book = ledger(home)
    sent = adopted(correlationid="meeting-7")
    book.record([sent])
    (read,) = book.reader().after(0, 9)
    assert (sent.body, sent.digest, "decision") == (read.body, read.digest, read.kind)
    (stored,) = book.recorder.select_events("plan/p1")
    assert (1, "plan.adopted.v1", sent.body) == (stored.originator_version, stored.topic, stored.state)
    assert book.verify().ok
    book.close()


def test_a_refused_decision_is_rejected_with_its_rule_and_kept(home: Home) -> None:
    book = ledger(home)
    sent = goal(1)
    (outcome,) = book.record([sent])
    assert (outcome.status, outcome.receipt) == ("rejected", None)
    assert outcome.problem is not None
    assert outcome.problem.code == "plan_not_adopted"
    (kept,) = book.rejections()
    assert (sent.body, sent.id, sent.source, "plan_not_adopted") == (
        kept.raw,
        kept.id,
        kept.source,
        kept.problem.code,
    )
    book.close()


def test_a_refused_decision_can_be_sent_again_once_the_rule_is_met(home: Home) -> None:
    book = ledger(home)
    assert statuses(book.record([goal(1), adopted(), goal(1)])) == ["rejected", "recorded", "recorded"]
    book.close()


def test_a_decision_on_a_version_seen_is_refused_once_the_plan_has_moved_on(home: Home) -> None:
    book = ledger(home)
    outcomes = book.record(
        [
            adopted(expectedversion=0),
            goal(1, expectedversion=1),
            goal(2, expectedversion=1),
            goal(3, expectedversion=3),
        ]
    )
    assert statuses(outcomes) == ["recorded", "recorded", "rejected", "rejected"]
    stale = outcomes[2].problem
    assert stale is not None
    assert (stale.code, stale.family, stale.pointer) == ("version_stale", "conflict", "/expectedversion")
    assert (stale.extra["current_version"], stale.extra["expected_version"]) == (2, 1)
    assert statuses(book.record([goal(2, id="again", expectedversion=2)])) == ["recorded"]
    book.close()


def test_control_without_the_guard_a_stale_decision_is_taken(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.governance._guard", lambda *_: None)
    book = ledger(home)
    assert statuses(book.record([adopted(), goal(2, expectedversion=0)])) == ["recorded"] * 2
    book.close()


def test_a_batch_that_is_rolled_back_leaves_the_plan_as_it_was(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    book = ledger(home)
    book.record([adopted()])
    with monkeypatch.context() as broken:
        broken.setattr(Appending, "close", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            book.record([goal(1), objective()])
    assert book.plan_version("p1") == 1
    assert statuses(book.record([objective()])) == ["rejected"]
    book.close()


def test_plans_and_agreements_are_apart(home: Home) -> None:
    book = ledger(home)
    data = {"agreement": "p1", "kind": "mou", "parties": ["county", "clinic"], "effective": "2025-01-01"}
    signed = event("agreement.signed", data, id="sign", subject="agreement/p1")
    promise = {
        "commitment": "c1",
        "agreement": "p1",
        "clause": "4.2",
        "obligor": "clinic",
        "obligee": "county",
        "deliverable": "A monthly report.",
        "due": "2025-06-30",
    }
    made = event("commitment.made", promise, id="promise", subject="commitment/c1")
    assert statuses(book.record([goal(1), signed, made])) == ["rejected", "recorded", "recorded"]
    assert (book.plan_version("p1"), book.agreement_version("p1")) == (0, 2)
    book.close()


def test_a_definition_the_projections_cannot_evaluate_is_refused(home: Home) -> None:
    found = problem("definition_invalid", "no such column", "/data/definition")
    book = ledger(home, definition_checker=lambda _: found)
    outcomes = book.record([adopted(), goal(1), objective(), kpi()])
    assert statuses(outcomes) == ["recorded", "recorded", "recorded", "rejected"]
    assert found == outcomes[3].problem
    book.close()


def _answer(rules: Any, state: Any, fact: Any) -> str:
    """What the rules say: any of them may refuse, but one of them must know the type."""
    try:
        return str(rules.decide(state, fact))
    except Fault as refusal:
        return str(refusal)


def test_every_decision_of_the_catalogue_has_an_aggregate_and_a_rule() -> None:
    from contracts.catalogue import CATALOGUE
    from domain.decider import Fact

    governance = Governance()
    decisions = [entry for entry in CATALOGUE if entry.kind == "decision"]
    assert decisions
    for entry in decisions:
        data = entry.good[0]
        sent = event(entry.name, data, id="x", subject=str(entry.subject_of(data)), version=entry.version)
        shell, aggregate_id, rules = governance.kind(sent)
        assert aggregate_id == f"{entry.aggregate}/{data[str(entry.aggregate)]}"
        state = rules.initial_state()
        for first in ("plan.adopted", "agreement.signed"):
            if first.startswith(str(entry.aggregate)):
                state = rules.evolve(state, Fact(first, CATALOGUE.entry(f"{first}.v1").good[0]))
        assert "No rule" not in _answer(rules, state, Fact(entry.name, data))
        assert shell.begin(aggregate_id, rules).version == 0


def test_the_mapper_imports_nothing_a_topic_names() -> None:
    stored = StoredEvent("plan/p1", 1, "os:system", b"{}")
    with pytest.raises(RejectedFault, match="not in the catalogue"):
        DecisionMapper().to_domain_event(stored)


def test_only_what_came_through_the_intake_can_be_stored() -> None:
    from domain.decider import Fact

    with pytest.raises(TypeError, match="submitted"):
        DecisionMapper().to_stored_event(Decided("plan/p1", 1, None, Fact("goal.set", {})))
