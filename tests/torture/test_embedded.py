"""Law 1: an acknowledged event is durable. The real ledger, killed and cut off a few hundred times."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest

from ops.torture import campaign
from ops.torture.__main__ import failures
from ops.torture.embedded import EMBEDDED
from ops.torture.judge import Findings
from ops.torture.session import History, look, play
from ops.torture.shim import compiler

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler (cc) on the path; the I/O shim needs one")
SEED = 20250301


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize(("kind", "count"), [("kills", 300), ("cuts", 300)])
def test_nothing_acknowledged_is_lost_torn_or_counted_twice(kind: str, count: int) -> None:
    outcome = campaign.run(kind, count, SEED)
    assert failures(outcome) == []
    assert outcome.points == count


@pytest.mark.slow
@needs_compiler
def test_control_a_power_cut_without_syncs_loses_acknowledged_events() -> None:
    outcome = campaign.run("cuts", 40, SEED, synchronous="NORMAL")
    assert outcome.findings.lost > 0


@pytest.fixture
def crashed(tmp_path: Path) -> tuple[Path, History]:
    """A home with a session in it, and what was acknowledged there."""
    home, batches, history = tmp_path / "home", EMBEDDED.batches(1), History()
    lines: list[bytes] = []
    session = EMBEDDED.open(home)
    play(session, batches, lines.append)
    session.close()
    history.take(EMBEDDED, batches, lines)
    return home, history


def judged(crashed: tuple[Path, History]) -> Findings:
    home, history = crashed
    return look(EMBEDDED, home, history, Random(1), deep=True, everything=True)


def tamper(home: Path, *statements: str, file: str = "tallystick.db") -> None:
    """Change a file behind the ledger's back; its triggers are taken away first."""
    connection = sqlite3.connect(home / file)
    triggers = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]
    for name in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()


def test_a_home_that_was_closed_in_peace_is_sound(crashed: tuple[Path, History]) -> None:
    found = judged(crashed)
    assert found.remarks == []
    assert found.clean
    assert found.acknowledged > 20


def test_control_a_removed_row_is_reported(crashed: tuple[Path, History]) -> None:
    tamper(crashed[0], "DELETE FROM log WHERE log_index = 5")
    assert judged(crashed).lost > 0


def test_control_a_row_twice_is_reported(crashed: tuple[Path, History]) -> None:
    columns = "time_us, recorded_at_us, topic_id, subject_id, source_id, agency_id, originator_version + 1, "
    columns += "originator_id, event_id, digest, state"
    tamper(
        crashed[0],
        f"INSERT INTO log SELECT (SELECT max(log_index) + 1 FROM log), {columns} FROM log "
        "WHERE log_index = (SELECT min(log_index) FROM log WHERE event_id IS NULL)",
    )
    found = judged(crashed)
    assert found.doubled > 0


def test_control_a_torn_body_is_reported(crashed: tuple[Path, History]) -> None:
    tamper(crashed[0], "UPDATE log SET state = CAST(state || ' ' AS BLOB) WHERE log_index = 5")
    assert judged(crashed).torn > 0


def test_control_a_count_that_is_too_high_is_reported(crashed: tuple[Path, History]) -> None:
    more = "UPDATE entries SET n = n + 1 WHERE rowid = (SELECT min(rowid) FROM entries)"
    tamper(crashed[0], more, file="views/1.db")
    assert judged(crashed).doubled > 0


def test_control_a_file_that_is_no_ledger_has_lost_everything(crashed: tuple[Path, History]) -> None:
    home, history = crashed
    (home / "tallystick.db").write_bytes(b"nothing of the kind" * 500)
    assert judged(crashed).lost == len({ack.identity for ack in history.acks})
