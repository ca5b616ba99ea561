"""Living through the demonstration: the same seed gives the same ledger, and every submission ends as one of four."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.intake import validate
from contracts.moments import local_epoch_day
from contracts.recorded import Accepted
from domain.ledger import Ledger
from ops.demo import Lived, SimulatedClock, cast, events, live
from ops.demo.reviewing import held_on

SCALE = 0.02

Open = Callable[[str], tuple[Ledger, SimulatedClock]]


@pytest.fixture
def open_ledger(tmp_path: Path) -> Iterator[Open]:
    opened: list[Ledger] = []

    def opener(name: str) -> tuple[Ledger, SimulatedClock]:
        clock = SimulatedClock()
        ledger = Ledger.open(tmp_path / name, clock=clock)
        opened.append(ledger)
        return ledger, clock

    yield opener
    for ledger in opened:
        ledger.close()


def _root(lived: Lived) -> bytes:
    assert lived.head is not None
    return lived.head.root


def test_the_same_seed_gives_the_same_root_and_another_seed_another(open_ledger: Open) -> None:
    first, second, other = (
        live(*open_ledger(name), seed, scale=SCALE) for name, seed in [("a", 7), ("b", 7), ("c", 8)]
    )
    assert first.as_dict() == second.as_dict()
    assert _root(first) != _root(other)


def test_every_submission_ends_as_one_of_four_and_decisions_stand(open_ledger: Open) -> None:
    ledger, clock = open_ledger("a")
    lived = live(ledger, clock, scale=5 * SCALE)
    told = lived.as_dict()
    outcomes = [told[name] for name in ("recorded", "duplicate", "conflict", "rejected")]
    assert lived.submitted == sum(outcomes) == len(list(events(scale=5 * SCALE)))
    assert all(outcomes)
    assert told["log_index"] == told["recorded"]
    assert ledger.verify().ok
    # Only broken reports are refused: no decision of the committee breaks a rule of governance.
    assert not {"decision_refused", "plan_not_adopted", "party_unknown", "definition_invalid"} & set(told["codes"])
    assert ledger.plan_version(cast.PLAN) > 40
    assert ledger.agreement_version(cast.MOU) == 11


def test_recorded_at_is_the_simulated_arrival(open_ledger: Open) -> None:
    ledger, clock = open_ledger("a")
    live(ledger, clock, scale=SCALE)
    assert clock() == cast.END_US
    days: dict[str, set[int]] = {}
    for arrival_us, body in events(scale=SCALE):
        accepted = validate(body)
        if isinstance(accepted, Accepted):
            days.setdefault(accepted.id, set()).add(local_epoch_day(arrival_us, cast.ZONE))
    recorded = ledger.reader().after(0, 10_000)
    assert len(days) == len(recorded)
    assert all(local_epoch_day(event.recorded_at_us, cast.ZONE) in days[event.id] for event in recorded)


class CountingFreezer:
    """Fixes nothing but how often it was asked, and at which log_index."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, moment_us: int, log_index: int) -> tuple[str, int]:
        self.asked.append((moment_us, log_index))
        return f"{log_index:064x}", log_index


def test_reviews_are_held_on_their_days_of_what_was_recorded_by_then(open_ledger: Open) -> None:
    ledger, clock = open_ledger("a")
    freezer = CountingFreezer()
    lived = live(ledger, clock, scale=SCALE, freezer=freezer)
    assert freezer.asked == [(moment_us, freezer.asked[n][1]) for n, (moment_us, _) in enumerate(held_on())]
    recorded = ledger.reader().after(0, 20_000)
    held = [event for event in recorded if event.type == "review.held"]
    assert [(event.log_index - 1, event.recorded_at_us) for event in held] == [(n, at) for at, n in freezer.asked]
    assert held
    assert lived.submitted == len(list(events(scale=SCALE))) + len(held)


def test_a_run_that_was_interrupted_holds_the_remaining_reviews_once(open_ledger: Open) -> None:
    whole = live(*open_ledger("a"), scale=SCALE, freezer=CountingFreezer())
    ledger, clock = open_ledger("b")
    first, second = CountingFreezer(), CountingFreezer()

    class PowerCutError(Exception):
        pass

    def cut(done: int, total: int) -> None:
        if len(first.asked) == 1:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        live(ledger, clock, scale=SCALE, progress=cut, freezer=first)
    assert _root(whole) == _root(live(ledger, clock, scale=SCALE, freezer=second))
    assert len(list(held_on())) == len(first.asked) + len(second.asked)


def test_a_run_that_was_interrupted_goes_on_and_ends_with_the_same_root(open_ledger: Open) -> None:
    whole = live(*open_ledger("a"), scale=SCALE)
    ledger, clock = open_ledger("b")

    class PowerCutError(Exception):
        pass

    def cut(done: int, total: int) -> None:
        if done > total // 2:
            raise PowerCutError

    with pytest.raises(PowerCutError):
        live(ledger, clock, scale=SCALE, progress=cut)
    assert 0 < ledger.head().log_index < (whole.head.log_index if whole.head else 0)
    assert _root(whole) == _root(live(ledger, clock, scale=SCALE))
    assert live(ledger, clock, scale=SCALE).submitted == 0
