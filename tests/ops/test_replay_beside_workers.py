"""What is parked in the scaled system is applied again by the same command, beside the workers, and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.ops.running import command

Raw = Callable[..., bytes]


def _told(*line: str, settings: dict[str, Any], stdin: str = "") -> Any:
    done = command(*line, "--format", "json", settings=settings, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_parked_event_is_applied_and_its_cells_are_counted(tmp_path: Path, postgres_address: str, raw: Raw) -> None:
    settings = {"home": tmp_path, "database": postgres_address}
    # The tables are made without a broker, which nothing here needs; from then on workers would apply events.
    _told("migrate", settings=settings)
    settings["broker"] = "kafka://127.0.0.1:1"
    with psycopg.connect(postgres_address, autocommit=True) as connection:
        connection.execute("DELETE FROM kept WHERE name = 'setting.applied'")
        _told("record", "-", settings=settings, stdin=raw(1).decode())
        connection.execute(
            "INSERT INTO quarantine (name, log_index, key, source, event_id, type, error, parked_at_us, attempts)"
            " VALUES ('views.1', 1, 'call/c-1', 'urn:agency:police:cad', 'e-1', 'call.received', 'broken', 0, 1)"
        )
    assert 1 == len(_told("quarantine", "list", settings=settings)["quarantine"])
    assert {"applied": 1, "left": 0} == _told("quarantine", "replay", settings=settings)
    assert [] == _told("quarantine", "list", settings=settings)["quarantine"]
    with psycopg.connect(postgres_address) as connection:
        row = connection.execute("SELECT call FROM views_1.calls").fetchone()
        waiting = connection.execute("SELECT count(*) FROM views_1.dirty_periods").fetchone()
    assert (("c-1",), (0,)) == (row, waiting)
