"""Laws 2, 3 and 9 against a model: however it is sent, the ledger is the set of first contents."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from contracts.recorded import Accepted, Rejected
from domain.appending import Appending
from domain.tree import Frontier
from tests.domain.given import Stopped, adopted, call, goal, ledger, refused
from tests.domain.homes import Home

# Few identities and contents, so that repeats and conflicts are the rule and not the exception.
SUBMISSIONS: list[Accepted | Rejected] = [
    *[call(n, priority=p, source=s) for n in (1, 2, 3) for p in "12" for s in ("//a", "//b")],
    call(1, id="d1", source="//a"),
    adopted(id="d1", source="//a"),
    adopted(id="d2", source="//a"),
    adopted(version=2, id="d3", source="//b"),
    goal(1, id="d4", source="//a"),
    goal(1, plan="p2", id="d5", source="//a"),
    adopted(plan="p2", id="d6", source="//a"),
    refused(b"{"),
    refused(b"["),
]


class LedgerAndModel(RuleBasedStateMachine):
    """The model: identity -> (digest, place), the version of each adopted plan, and a count of every outcome."""

    home: ClassVar[Home]
    numbers: ClassVar[Iterator[int]] = count(1)

    @initialize()
    def open(self) -> None:
        self.clock = Stopped()
        self.place = self.home / f"example-{next(self.numbers)}"
        self.book = ledger(self.place, self.clock)
        self.truth: dict[tuple[str, str], tuple[bytes, int]] = {}
        self.order: list[bytes] = []
        self.plans: dict[str, int] = {}
        self.counts = {"recorded": 0, "duplicate": 0, "conflict": 0, "rejected": 0}

    def expected(self, submission: Accepted | Rejected) -> str:
        if isinstance(submission, Rejected):
            return "rejected"
        known = self.truth.get((submission.source, submission.id))
        if known is not None:
            return "duplicate" if known[0] == submission.digest else "conflict"
        if submission.kind == "decision" and not self.allowed(submission):
            return "rejected"
        self.order.append(submission.digest)
        self.truth[submission.source, submission.id] = (submission.digest, len(self.order))
        return "recorded"

    def allowed(self, decision: Accepted) -> bool:
        plan = decision.data["plan"]
        if decision.type == "goal.set":
            return plan in self.plans
        if decision.data["version"] <= self.plans.get(plan, 0):
            return False
        self.plans[plan] = decision.data["version"]
        return True

    @rule(batch=st.lists(st.sampled_from(SUBMISSIONS), max_size=12), later=st.integers(-5, 5))
    def record(self, batch: list[Accepted | Rejected], later: int) -> None:
        self.clock.now_us += later
        expected = [self.expected(submission) for submission in batch]
        outcomes = self.book.record(batch)
        assert expected == [outcome.status for outcome in outcomes]
        for submission, outcome in zip(batch, outcomes, strict=True):
            self.counts[outcome.status] += 1
            if isinstance(submission, Accepted) and outcome.receipt is not None:
                digest, place = self.truth[submission.source, submission.id]
                assert (place, digest) == (outcome.receipt.log_index, outcome.receipt.digest)

    @rule(batch=st.lists(st.sampled_from(SUBMISSIONS), min_size=1, max_size=5))
    def lose_power(self, batch: list[Accepted | Rejected]) -> None:
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(Appending, "close", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                self.book.record(batch)

    @rule()
    def reopen(self) -> None:
        self.book.close()
        self.book = ledger(self.place, self.clock)

    @invariant()
    def the_log_is_the_model(self) -> None:
        if not hasattr(self, "book"):
            return
        events = self.book.reader().after(0, 1_000)
        assert list(range(1, len(self.order) + 1)) == [event.log_index for event in events]
        assert self.order == [event.digest for event in events]
        assert sorted(event.recorded_at_us for event in events) == [event.recorded_at_us for event in events]
        tree = Frontier()
        tree.extend(self.order)
        assert tree.root() == self.book.head().root
        assert self.counts == self.book.totals()

    def teardown(self) -> None:
        if hasattr(self, "book"):
            # Also where a broken ledger fails here, as it has to in the controls: what is left open warns at any time.
            try:
                assert self.book.verify().ok
            finally:
                self.book.close()


def run(home: Home, machine: type[LedgerAndModel], *phases: Phase) -> None:
    machine.home = home
    chosen = settings(max_examples=25, stateful_step_count=12, deadline=None, phases=phases or tuple(Phase))
    run_state_machine_as_test(machine, settings=chosen)


def test_the_ledger_behaves_as_the_model(home: Home) -> None:
    run(home, LedgerAndModel)


def test_control_a_ledger_that_forgets_an_identity_is_noticed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Appending, "recorded_before", lambda *_: None)
    with pytest.raises(BaseException):  # noqa: B017 - the machine may fail in more than one way
        run(home, LedgerAndModel, Phase.generate)  # That it fails is enough; the smallest failure is of no use.
