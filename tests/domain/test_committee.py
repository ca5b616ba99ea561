"""The rules of meetings, decisions and actions, as given / when / then, and through the whole ledger."""

from __future__ import annotations

from pathlib import Path

from contracts.catalogue import CATALOGUE
from contracts.recorded import Accepted
from domain.committee import ActionRules, OnceRules
from domain.decider import Fact
from domain.governance import Governance
from tests.domain.given import event, given, ledger, refusal

OPENED = Fact("action.opened", {"action": "a-1", "plan": "p1", "owner": "county", "due": "2025-06-30", "what": "x"})
CLOSED = Fact("action.closed", {"action": "a-1", "evidence_ref": "memo"})
MEETING = OnceRules("meeting", "meeting.held")
HELD = Fact("meeting.held", {"meeting": "m-1", "plan": "p1"})


def test_an_action_is_opened_once_and_closed_once() -> None:
    rules = ActionRules()
    assert [OPENED] == list(rules.decide(given(rules), OPENED))
    assert [CLOSED] == list(rules.decide(given(rules, OPENED), CLOSED))
    assert ("action_already_opened", "/data/action") == refusal(rules, given(rules, OPENED), OPENED)
    assert ("action_already_opened", "/data/action") == refusal(rules, given(rules, OPENED, CLOSED), OPENED)
    assert ("action_already_closed", "/data/action") == refusal(rules, given(rules, OPENED, CLOSED), CLOSED)


def test_an_action_that_was_never_opened_cannot_be_closed() -> None:
    assert ("action_not_opened", "/data/action") == refusal(ActionRules(), given(ActionRules()), CLOSED)


def test_a_meeting_is_recorded_once() -> None:
    assert [HELD] == list(MEETING.decide(given(MEETING), HELD))
    assert ("already_recorded", "/data/meeting") == refusal(MEETING, given(MEETING, HELD), HELD)


def test_a_fact_of_another_thing_is_refused() -> None:
    assert ("decision_refused", "/type") == refusal(MEETING, given(MEETING), OPENED)
    assert ("decision_refused", "/type") == refusal(ActionRules(), given(ActionRules(), OPENED), Fact("x", OPENED.data))


def test_every_decision_of_the_catalogue_has_rules() -> None:
    governance = Governance()
    for entry in CATALOGUE:
        if entry.kind == "decision":
            data = entry.good[0]
            body = event(entry.name, data, id="d-1", subject=entry.subject_of(data) or "")
            assert governance.kind(body)[1].endswith(str(data[entry.aggregate or ""]))


def _outcome(home: Path, *facts: Fact) -> list[str]:
    plan = {"plan": "p1", "version": 1, "period": {"from": "2025-01-01", "to": "2027-12-31"}, "ratified_by": ["county"]}
    adopted = event("plan.adopted", plan, id="plan", subject="plan/p1")
    with ledger(home) as book:
        items: list[Accepted] = [adopted]
        for number, fact in enumerate(facts):
            noun = CATALOGUE.newest(fact.type).subject_prefix.rstrip("/")
            subject = f"{noun}/{fact.data[noun]}"
            items.append(event(fact.type, fact.data, id=f"e-{number}", subject=subject))
        outcomes = book.record(items)
    return ["recorded" if found.problem is None else found.problem.code for found in outcomes[1:]]


def test_the_ledger_refuses_an_action_for_a_plan_nobody_adopted(tmp_path: Path) -> None:
    stray = Fact("action.opened", {**OPENED.data, "plan": "p9"})
    assert ["recorded", "plan_not_adopted"] == _outcome(
        tmp_path, OPENED, Fact("action.opened", {**stray.data, "action": "a-2"})
    )


def test_the_ledger_keeps_what_was_opened_and_closed(tmp_path: Path) -> None:
    assert ["recorded", "recorded", "action_already_closed"] == _outcome(tmp_path, OPENED, CLOSED, CLOSED)
