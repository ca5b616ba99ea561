"""The campaigns find nothing wrong with a ledger that keeps the laws, and notice each one that breaks a
law.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.torture import campaign
from ops.torture.__main__ import failures
from ops.torture.campaign import Outcome
from ops.torture.judge import Findings
from ops.torture.shim import compiler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(compiler() is None, reason="no C compiler (cc) on the path; the I/O shim needs one"),
]

SEED = 20250301


def torture(kind: str, count: int, flavour: str, synchronous: str = "FULL") -> Outcome:
    here = Path(__file__).resolve().parent
    return campaign.run(kind, count, SEED, subject=f"standin:{flavour}", synchronous=synchronous, import_path=here)


@pytest.mark.parametrize("kind", ["kills", "cuts"])
def test_a_sound_ledger_comes_through_and_the_seed_replays(kind: str) -> None:
    first, again = torture(kind, 60, "HONEST"), torture(kind, 60, "HONEST")
    assert failures(first) == []
    assert first.points == 60
    assert first == again


def test_control_answering_before_the_commit_loses_at_a_kill() -> None:
    assert torture("kills", 30, "EARLY").findings.lost > 0


def test_control_a_batch_in_pieces_is_torn_by_a_kill() -> None:
    assert torture("kills", 40, "PIECES").findings.torn > 0


def test_control_a_position_apart_from_its_view_counts_twice_after_a_kill() -> None:
    assert torture("kills", 200, "SEPARATE").findings.doubled > 0


def test_control_without_syncs_a_power_cut_loses_and_a_kill_does_not() -> None:
    assert torture("cuts", 60, "HONEST", "NORMAL").findings.lost > 0


def test_control_a_home_whose_name_was_not_synced_is_lost() -> None:
    assert torture("cuts", 60, "FORGETFUL").findings.lost > 0


@pytest.mark.parametrize(
    ("synchronous", "findings", "passes"),
    [
        ("FULL", Findings(acknowledged=9), True),
        ("FULL", Findings(acknowledged=0), False),
        ("FULL", Findings(acknowledged=9, lost=1), False),
        ("FULL", Findings(acknowledged=9, torn=1), False),
        ("FULL", Findings(acknowledged=9, doubled=1), False),
        ("NORMAL", Findings(acknowledged=9, lost=1), True),
        ("NORMAL", Findings(acknowledged=9), False),
    ],
)
def test_the_command_fails_when_a_line_says_what_it_must_not(
    synchronous: str, findings: Findings, passes: bool
) -> None:
    assert passes == (failures(Outcome("cuts", synchronous, 5, findings, {})) == [])
