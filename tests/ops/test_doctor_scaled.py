"""Doctor on the scaled system: what is well passes, and each thing that goes wrong is found, named and advised on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ops import doctor
from ops import doctor_scaled as scaled_checks
from ops.settings import Settings
from tests.ops.running import Running, command, until
from tests.ops.scaled import scaled

Raw = Callable[..., bytes]


def _statuses(settings: Settings) -> dict[str, str]:
    return {finding.check: finding.status for finding in doctor.examine(settings)}


@pytest.fixture
def migrated(tmp_path: Path, postgres_address: str) -> Settings:
    done = command("migrate", settings={"home": tmp_path, "database": postgres_address})
    assert 0 == done.returncode, done.stderr
    return Settings(home=tmp_path, database=postgres_address)


def test_a_migrated_database_without_a_broker_passes_every_check(migrated: Settings) -> None:
    assert {"ok"} == set(_statuses(migrated).values())


def test_a_database_without_tables_is_found_and_the_cure_is_named(tmp_path: Path, bare_postgres_address: str) -> None:
    found = scaled_checks.check_migrated(Settings(home=tmp_path, database=bare_postgres_address))
    assert ("failed", "tallystick migrate") == (found.status, found.advice)


def test_one_that_cannot_be_reached_is_told_once_and_without_its_password(tmp_path: Path) -> None:
    done = command(
        "doctor", "--format", "json", settings={"home": tmp_path, "database": "postgresql://u:s3cr3t@127.0.0.1:1/d"}
    )
    failed = [found["check"] for found in json.loads(done.stdout)["checks"] if found["status"] == "failed"]
    assert (1, ["database"]) == (done.returncode, failed)
    assert "s3cr3t" not in done.stdout + done.stderr


def test_a_server_that_may_lose_what_it_acknowledged_is_found(migrated: Settings) -> None:
    assert migrated.database is not None
    with psycopg.connect(migrated.database, autocommit=True) as connection:
        connection.execute("ALTER ROLE CURRENT_USER IN DATABASE " + _name(connection) + " SET synchronous_commit = off")
    found = scaled_checks.check_durability(migrated)
    assert ("failed", "synchronous_commit=off") == (found.status, found.found)


def _name(connection: psycopg.Connection[Any]) -> str:
    return f'"{connection.info.dbname}"'


@pytest.mark.parametrize(("processes", "status"), [(8, "ok"), (2, "warning"), (0.5, "failed")])
def test_pools_that_do_not_fit_the_server_are_found(migrated: Settings, processes: float, status: str) -> None:
    assert migrated.database is not None
    with psycopg.connect(migrated.database) as connection:
        (most,) = connection.execute("SELECT current_setting('max_connections')::int").fetchone() or (0,)
    pool_max = int(most * 0.9 / processes) - 1
    assert status == scaled_checks.check_connections(migrated.model_copy(update={"database_pool_max": pool_max})).status


def test_settings_that_differ_from_those_of_the_others_are_found(migrated: Settings) -> None:
    found = scaled_checks.check_common(migrated.model_copy(update={"zone": "Asia/Tokyo"}))
    assert ("failed", "zone is Asia/Tokyo here and UTC in this ledger") == (found.status, found.found)


@pytest.mark.parametrize("broker", ["tansu"], indirect=True)  # processes on both: test_scaled_processes
def test_topics_relay_and_workers_are_looked_at(
    tmp_path: Path, postgres_address: str, broker: str, topic_prefix: str, raw: Raw
) -> None:
    given = scaled(tmp_path, postgres_address, broker, topic_prefix)
    settings = Settings(**given)
    assert {"broker": "ok", "relay": "warning", "workers": "warning"} == _of_line(settings)  # nothing to do yet
    done = command("record", "-", settings=given, stdin=raw(1).decode())
    assert 0 == done.returncode, done.stderr
    assert {"broker": "ok", "relay": "failed", "workers": "warning"} == _of_line(settings)
    other = settings.model_copy(update={"topic_prefix": f"{topic_prefix}-other"})
    assert ("failed", "tallystick migrate") == (
        (found := scaled_checks.check_broker(other)).status,
        found.advice,
    )
    with Running("relay", **given) as relay, Running("worker", "--no-intake", **given) as worker:
        until(lambda: set(_of_line(settings).values()) == {"ok"}, alive=worker.alive, told=worker.said)
        assert {"ok"} == set(_statuses(settings).values())
        assert [0, 0] == [worker.end(), relay.end()]


def _of_line(settings: Settings) -> dict[str, str]:
    return {
        found.check: found.status
        for found in (
            scaled_checks.check_broker(settings),
            scaled_checks.check_relay(settings),
            scaled_checks.check_workers(settings),
        )
    }
