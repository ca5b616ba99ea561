"""The campaigns as commands: a line to quote, 1 when something is broken, 2 when it could not be run."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from ops.deploy.kafka import local as local_kafka
from ops.torture import campaign, equality, postgres, postgres_control
from ops.torture.__main__ import app
from ops.torture.campaign import Outcome
from ops.torture.commands import equality_line, postgres_failures
from ops.torture.judge import Findings
from ops.torture.postgres import MUST_BE_ZERO

SOUND = {**dict.fromkeys(MUST_BE_ZERO, 0), "acknowledged": 9, "killed_sessions": 5, "killed_servers": 1}
EQUAL: dict[str, Any] = {
    "events": 200,
    "seed": 1,
    "recorded": 190,
    "root": "ab" * 32,
    "seconds": {"a file": 1.0, "a database": 2.0},
    "differences": [],
    "equal": True,
}


def run(*arguments: str) -> tuple[int, str]:
    """Exit status and all that was written."""
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "500"})
    return result.exit_code, result.output


@pytest.fixture
def own_database(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        def __init__(self, folder: object) -> None:
            """Nothing is started."""

        def __enter__(self) -> Server:
            return self

        def __exit__(self, *error: object) -> None:
            """Nothing is stopped."""

        def fresh(self) -> str:
            return "postgresql://nobody@127.0.0.1:1/none"

    monkeypatch.setattr("ops.torture.local_postgres.LocalPostgres", Server)


def test_without_a_name_it_is_the_campaign_of_kills_and_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def one(kind: str, count: int, seed: int, **options: Any) -> Outcome:
        asked.append((kind, count))
        lost = int(options["synchronous"] != "FULL")
        return Outcome(kind, options["synchronous"], count, Findings(acknowledged=1, lost=lost), {})

    monkeypatch.setattr(campaign, "run", one)
    status, told = run("--kills", "7", "--cuts", "8", "--control-cuts", "9")
    assert (0, [("kills", 7), ("cuts", 8), ("cuts", 9)]) == (status, asked)
    assert "kill points 7, acknowledged 1, lost 0" in told


@pytest.mark.parametrize(("lost", "missed", "status"), [(0, 3, 0), (1, 3, 1), (0, 0, 1)])
@pytest.mark.usefixtures("own_database")
def test_the_campaign_on_postgresql_ends_with_1_where_something_is_lost_or_its_control_sees_nothing(
    monkeypatch: pytest.MonkeyPatch, lost: int, missed: int, status: int
) -> None:
    monkeypatch.setattr(postgres, "campaign", lambda *_, **__: {**SOUND, "lost": lost})
    monkeypatch.setattr(postgres_control, "missed_by_the_library", lambda *_, **__: {"events": 9, "missed": missed})
    found, told = run("postgres", "--seed", "1")
    assert status == found
    assert f"acknowledged 9, lost {lost}" in told


@pytest.mark.parametrize("name", [*MUST_BE_ZERO, "acknowledged", "killed_sessions", "killed_servers"])
def test_each_count_that_is_not_due_is_named(name: str) -> None:
    assert [] == postgres_failures(SOUND, kill_server=True)
    (only,) = postgres_failures({**SOUND, name: 1 if name in MUST_BE_ZERO else 0}, kill_server=True)
    assert name in only


@pytest.mark.usefixtures("own_database")
def test_ways_that_differ_end_with_1_and_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equality, "campaign", lambda *_, **__: EQUAL)
    assert (0, True) == ((answer := run("equality", "--no-with-broker"))[0], equality_line(EQUAL) in answer[1])
    differing = {**EQUAL, "equal": False, "differences": ["a database: calls"]}
    monkeypatch.setattr(equality, "campaign", lambda *_, **__: differing)
    status, told = run("equality", "--no-with-broker")
    assert 1 == status
    assert "differs from the first way: a database: calls" in told


@pytest.mark.parametrize("command", ["broker", "equality"])
@pytest.mark.usefixtures("own_database")
def test_what_cannot_be_run_ends_with_2_and_says_why(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(local_kafka, "why_not", lambda: "no java on the PATH")
    monkeypatch.setattr("ops.torture.broker.why_not", lambda: "no java on the PATH")
    status, told = run(command)
    assert 2 == status
    assert "not run: no java on the PATH" in told
