"""Doctor: a well home passes, and each thing that goes wrong in practice is found and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ops import doctor
from ops.cli import main
from ops.composition import open_house
from ops.settings import Settings

Raw = Callable[..., bytes]


@pytest.fixture
def well(settings: Settings, raw: Raw) -> Settings:
    with open_house(settings=settings) as house:
        house.record([raw(1)])
        house.catch_up()
    return settings


def _found(settings: Settings) -> dict[str, str]:
    return {finding.check: finding.status for finding in doctor.examine(settings)}


def test_a_well_home_passes_every_check(well: Settings) -> None:
    assert {"ok"} == set(_found(well).values())


def test_a_home_that_is_not_there_is_the_one_thing_that_fails_and_is_not_made(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ["home"] == [check for check, status in _found(settings).items() if status == "failed"]
    assert 1 == main(["doctor", "--home", str(settings.home)])
    assert "is not there" in capsys.readouterr().out
    assert not settings.home.exists()


def test_a_home_in_use_is_well_and_doctor_leaves_it_alone(well: Settings) -> None:
    with open_house(settings=well):
        found = _found(well)
    assert "failed" not in found.values()
    assert found["durability"] == "ok"


def test_a_clock_that_once_ran_ahead_is_found(settings: Settings, raw: Raw) -> None:
    ahead_us = 4_070_908_800_000_000  # 2099-01-01T00:00:00Z
    with open_house(settings=settings, clock=lambda: ahead_us) as house:
        house.record([raw(1)])
    found = doctor.check_clock(settings, now_us=ahead_us - 301_000_000)
    assert ("warning", True) == (found.status, "2099-01-01T00:00:00Z" in found.found)
    assert doctor.check_clock(settings, now_us=ahead_us - 299_000_000).status == "ok"
    assert "warning" == _found(settings)["clock"]
    with open_house(settings=settings, clock=lambda: ahead_us - 301_000_000) as house:
        assert 301.0 == house.head_ahead_s()
        assert b"tallystick_head_ahead_seconds 301.0" in house.metrics.export()


@pytest.mark.parametrize(("version", "status"), [((3, 10, 9), "failed"), ((3, 11, 0), "ok"), ((3, 14, 0), "ok")])
def test_python_must_be_new_enough(settings: Settings, version: tuple[int, int, int], status: str) -> None:
    assert doctor.check_python(settings, version).status == status


@pytest.mark.parametrize(("version", "status"), [((3, 36, 0), "failed"), ((3, 40, 1), "ok"), ((3, 51, 3), "ok")])
def test_sqlite_must_be_new_enough(settings: Settings, version: tuple[int, int, int], status: str) -> None:
    assert doctor.check_sqlite(settings, version).status == status


def test_another_package_under_one_of_our_names_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert doctor.check_import_names(settings).status == "ok"
    monkeypatch.setattr(doctor, "_ROOT", tmp_path / "elsewhere" / "ops")
    found = doctor.check_import_names(settings)
    assert found.status == "failed"
    assert "ops is " in found.found


def test_a_full_disk_is_found(well: Settings) -> None:
    starved = well.model_copy(update={"min_free_disk_bytes": 2**62})
    assert doctor.check_disk(starved).status == "failed"


def test_a_home_open_to_everyone_is_warned_about(well: Settings) -> None:
    well.home.chmod(0o755)
    assert doctor.check_home(well).status == "warning"
    well.home.chmod(0o700)
    assert doctor.check_home(well).status == "ok"


def test_a_damaged_file_is_found(well: Settings) -> None:
    path = well.home / "tallystick.db"
    body = bytearray(path.read_bytes())
    for at in range(8192, len(body), 8192):
        body[at : at + 64] = b"\xff" * 64
    path.write_bytes(body)
    assert "failed" in _found(well).values()


def test_another_journal_mode_is_found(well: Settings) -> None:
    connection = sqlite3.connect(well.home / "tallystick.db")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    assert doctor.check_journal(well).status == "failed"


def test_views_of_another_zone_are_warned_about(well: Settings) -> None:
    moved = well.model_copy(update={"zone": "Asia/Tokyo"})
    found = doctor.check_views(moved)
    assert (found.status, found.advice) == ("warning", "tallystick rebuild")


def test_a_credentials_file_open_to_others_or_missing_is_found(well: Settings, tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    named = well.model_copy(update={"credentials_file": path})
    assert _found(named)["credentials"] == "failed"
    path.write_text('[{"name": "a", "role": "reader", "token_sha256": "' + "0" * 64 + '"}]')
    path.chmod(0o644)
    assert doctor.check_credentials(named).status == "warning"
    path.chmod(0o600)
    assert doctor.check_credentials(named).status == "ok"
