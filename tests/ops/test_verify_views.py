"""``verify --views``: whatever was changed in the views behind the program's back is named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import EXIT_STATUS
from ops.cli import main
from ops.composition import open_house
from ops.settings import Settings
from tests.ops.conftest import NOW_US

Raw = Callable[..., bytes]
Verify = Callable[[], tuple[int, dict[str, Any]]]


@pytest.fixture
def home(settings: Settings, raw: Raw) -> Path:
    """Three calls of which two have ended, one of them said to be withdrawn; rows and cells as they should be."""
    with open_house(settings=settings, clock=lambda: NOW_US) as house:
        house.record([raw(1), raw(2), raw(3), ended(raw, 1), ended(raw, 2)])
        voided = {"supersedes": "e-ended-2", "reason": "wrong call"}
        house.record([raw("void", type="org.tallystick.record.voided.v1", subject="call/c-2", data=voided)])
        house.catch_up()
    return settings.home


def ended(raw: Raw, number: int) -> bytes:
    data = {"call": f"c-{number}", "disposition": "remained_in_community"}
    return raw(f"ended-{number}", type="org.tallystick.encounter.closed.v1", subject=f"call/c-{number}", data=data)


@pytest.fixture
def verify(home: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run() -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = main(["verify", "--views", "--home", str(home), "--format", "json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def damage(home: Path, statement: str) -> None:
    connection = sqlite3.connect(home / "views" / "1.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_views_as_the_log_has_them_are_ok(verify: Verify) -> None:
    status, told = verify()
    assert (0, True) == (status, told["ok"])
    assert told["rows"] > 3
    assert told["cells"] > 0


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE calls SET disposition = NULL WHERE call = 'c-1'", "calls c-1: disposition"),
        ("DELETE FROM calls WHERE call = 'c-3'", "calls c-3: missing"),
        ("INSERT INTO calls (call) VALUES ('c-9')", "calls c-9: extra"),
        ("DELETE FROM superseded", "superseded urn:agency:police:cad/e-ended-2"),
        ("UPDATE entries SET n = n + 1", "entries police/2025-06/11+: n"),
        (
            "UPDATE kpi_cell SET value = '12' WHERE kpi = 'K06' AND period = 'all' AND grp = 'all'",
            "kpi_cell K06/1/all/all",
        ),
        ("DELETE FROM kpi_cell WHERE kpi = 'K06' AND period = '2025-03'", "kpi_cell K06/1/2025-03/all: missing"),
    ],
)
def test_a_row_changed_behind_the_programs_back_is_named(
    home: Path, verify: Verify, statement: str, named: str
) -> None:
    damage(home, statement)
    status, told = verify()
    assert (EXIT_STATUS["unavailable"], False) == (status, told["ok"])
    assert [problem for problem in told["problems"] if problem.startswith(named)]


def test_cells_that_wait_for_a_refresh_are_not_called_wrong(home: Path, verify: Verify) -> None:
    damage(home, "INSERT INTO dirty_periods VALUES ('calls', '2025-03')")
    status, told = verify()
    assert (0, None) == (status, told["cells"])


def test_events_in_quarantine_are_a_problem(home: Path, verify: Verify) -> None:
    damage(home, "INSERT INTO quarantine VALUES ('views.1', 1, 'call/c-1', 's', 'e', 'call.received', 'no', 1, 1)")
    status, told = verify()
    assert (EXIT_STATUS["unavailable"], False) == (status, told["ok"])
