"""What the tests of the ledger are given: submissions through the real intake, a clock that stands still,
homes.

They are made in one place so that a test says only what it is about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.faults import Fault, problem
from contracts.intake import validate_object
from contracts.ports import Clock
from contracts.recorded import Accepted, Rejected
from domain.decider import Decider, Fact
from domain.ledger import Ledger
from tests.domain.homes import Home

NOON_US = 1_741_000_000_000_000
"""Some moment in March 2025, UTC microseconds."""


class Stopped:
    """A clock that shows ``now_us`` until it is set again."""

    def __init__(self, now_us: int = NOON_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


def ledger(home: Home, clock: Clock | None = None, **options: Any) -> Ledger:
    """The ledger that lives there, opened anew."""
    if isinstance(home, Path):
        return Ledger.open(home, clock=clock or Stopped(), **options)
    return Ledger.connect(home.address, clock=clock or Stopped(), **options)


def event(
    name: str,
    data: dict[str, Any],
    *,
    id: str,
    subject: str,
    source: str = "//county/cad",
    agency: str = "county",
    version: int = 1,
    **attributes: Any,
) -> Accepted:
    """An accepted event; the test fails here where the intake does not take it."""
    found = validate_object(
        {
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": f"org.tallystick.{name}.v{version}",
            "subject": subject,
            "time": "2025-03-01T10:00:00Z",
            "agency": agency,
            "data": data,
            **attributes,
        }
    )
    assert isinstance(found, Accepted), found
    return found


def call(number: int, *, priority: str = "1", id: str | None = None, **attributes: Any) -> Accepted:
    """A statement: call ``number`` was received. Another priority is other content under the same identity."""
    data = {"call": f"c{number}", "channel": "911", "priority": priority}
    return event("call.received", data, id=id or f"e{number:06}", subject=f"call/c{number}", **attributes)


def refused(raw: bytes = b"{", agency: str | None = None) -> Rejected:
    """A submission that the intake refused."""
    return Rejected(raw, problem("not_json", "no object"), agency=agency)


def adopted(plan: str = "p1", version: int = 1, *, id: str = "adopt", **attributes: Any) -> Accepted:
    """A decision: the plan is adopted."""
    data = {"plan": plan, "version": version, "period": {"from": "2025-01-01", "to": "2027-12-31"}}
    return event("plan.adopted", data, id=id, subject=f"plan/{plan}", **attributes)


def goal(number: int, plan: str = "p1", *, id: str | None = None, **attributes: Any) -> Accepted:
    """A decision: the plan has a goal."""
    data = {"plan": plan, "goal": f"g{number}", "statement": "People in crisis get care first."}
    return event("goal.set", data, id=id or f"goal-{number}", subject=f"plan/{plan}", **attributes)


def given(rules: Decider[Any], *facts: Fact) -> Any:
    """The state after these facts."""
    state = rules.initial_state()
    for fact in facts:
        state = rules.evolve(state, fact)
    return state


def decided(rules: Decider[Any], state: Any, fact: Fact) -> list[Fact]:
    """What follows from a fact that is put forward."""
    return list(rules.decide(state, fact))


def refusal(rules: Decider[Any], state: Any, fact: Fact) -> tuple[str, str]:
    """(code, pointer) of the rule that refuses a fact."""
    with pytest.raises(Fault) as told:
        rules.decide(state, fact)
    return told.value.problem.code, told.value.problem.pointer


def statuses(outcomes: list[Any]) -> list[str]:
    return [outcome.status for outcome in outcomes]
