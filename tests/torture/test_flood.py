"""A flood is refused and nothing else suffers from it; without turns, or without a bound, it is seen to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ops.torture import flood
from ops.torture.flood import FLOODER, SMALL, STEADY, Outcome, Shape, failures
from ops.torture.flooding import Told
from ops.torture.judge import Findings
from ops.torture.served import UNFAIR


@pytest.mark.slow
def test_a_flood_is_refused_nothing_acknowledged_is_lost_and_nobody_else_is_kept_waiting() -> None:
    outcome = flood.run(SMALL)
    assert [] == failures(outcome), outcome.line()
    assert set(STEADY) == set(outcome.through)
    assert outcome.flood.refused > outcome.flood.through


@pytest.mark.slow
def test_control_with_all_senders_in_one_line_the_well_behaved_are_starved() -> None:
    outcome = flood.run(SMALL, module=UNFAIR)
    assert [f"{agency} was starved" for agency in STEADY] == [
        reason.partition(":")[0] for reason in failures(outcome) if "starved" in reason
    ]
    assert outcome.findings.clean


@pytest.mark.slow
def test_control_with_a_queue_without_a_bound_memory_has_none_either() -> None:
    outcome = flood.run(replace(SMALL, queue_events=10**9))
    assert outcome.grown_bytes > SMALL.memory_bound_bytes
    assert 0 == outcome.flood.refused


def _seen(**changed: object) -> Outcome:
    """An outcome without a fault, but for what is changed."""
    shape = Shape(seconds=10.0, times=10.0, batch_events=100)
    flooded = Told(due=1_000, offered=900, through=100, refused=800, seconds=10.0, statuses={200: 100, 429: 800})
    behaved = {agency: Told(due=20, offered=20, through=20, statuses={200: 20}) for agency in STEADY}
    sound = Outcome("SQLite", shape, 1_000.0, 100, 200, flooded, behaved, Findings(acknowledged=9), 0)
    return replace(sound, **changed)  # type: ignore[arg-type]


def test_a_sound_outcome_has_no_failures() -> None:
    assert [] == failures(_seen())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sustainable_per_s": 2_000.0}, "only 5.0 x"),
        ({"peak_bytes": 2**40}, "memory grew"),
        ({"findings": Findings()}, "nothing was acknowledged"),
        ({"findings": Findings(acknowledged=9, lost=1)}, "something was lost"),
        ({"foreign": 1}, "1 events are in the log"),
        ({"flood": Told(due=1_000, through=1, seconds=10.0)}, "nothing was refused"),
        ({"flood": Told(due=1_000, refused=2, refused_without_retry_after=1, seconds=10.0)}, "had no Retry-After"),
        ({"flood": Told(due=1_000, refused=2, seconds=10.0, statuses={500: 1})}, "another status"),
        ({"steady": {FLOODER: Told(due=100, through=89)}}, "was starved"),
    ],
)
def test_the_command_fails_when_a_line_says_what_it_must_not(changed: dict[str, object], reason: str) -> None:
    (only,) = failures(_seen(**changed))
    assert reason in only
