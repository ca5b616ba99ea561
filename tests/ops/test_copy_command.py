"""``tallystick copy``: a ledger goes to a database and back, the same to the root; bad places are faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.cli import main
from ops.composition import open_house
from ops.settings import Settings, load_settings

Raw = Callable[..., bytes]


@pytest.fixture
def filled(tmp_path: Path, raw: Raw) -> Settings:
    settings = Settings(home=tmp_path / "home", zone="America/Los_Angeles")
    with open_house(settings=settings) as house:
        house.record([*(raw(number) for number in range(1, 6)), raw(1), b"{"])
    return settings


def _copied(capsys: pytest.CaptureFixture[str], source: object, target: object) -> tuple[int, Any]:
    status = main(["copy", "--from", str(source), "--to", str(target), "--format", "json"])
    told = capsys.readouterr()
    return status, json.loads(told.out) if told.out else told.err


def test_a_ledger_goes_to_a_database_and_back_with_its_root_and_its_zone(
    capsys: pytest.CaptureFixture[str], filled: Settings, postgres_address: str, tmp_path: Path
) -> None:
    status, there = _copied(capsys, filled.home, postgres_address)
    assert (0, 5) == (status, there["events"])
    assert {"recorded": 5, "duplicate": 1, "conflict": 0, "rejected": 1} == there["totals"]
    with open_house(settings=filled.model_copy(update={"database": postgres_address})) as house:
        assert there["root"] == house.reader.head().root.hex()
    status, back = _copied(capsys, postgres_address, tmp_path / "back")
    assert (0, there["root"]) == (status, back["root"])
    assert "America/Los_Angeles" == load_settings(tmp_path / "back").zone


def test_into_a_database_that_counts_in_another_zone_nothing_is_copied(
    capsys: pytest.CaptureFixture[str], filled: Settings, postgres_address: str, tmp_path: Path
) -> None:
    with open_house(settings=Settings(home=tmp_path, database=postgres_address, zone="Asia/Tokyo")):
        pass
    status, said = _copied(capsys, filled.home, postgres_address)
    assert (4, True) == (status, said.startswith("error settings_differ: "))
    with open_house(settings=Settings(home=tmp_path, database=postgres_address, zone="Asia/Tokyo")) as house:
        assert 0 == house.reader.head().log_index


def test_into_a_ledger_that_holds_something_nothing_is_copied(
    capsys: pytest.CaptureFixture[str], filled: Settings, tmp_path: Path, raw: Raw
) -> None:
    other = Settings(home=tmp_path / "other", zone="America/Los_Angeles")
    with open_house(settings=other) as house:
        house.record([raw(9)])
    status, said = _copied(capsys, filled.home, other.home)
    assert (4, True) == (status, said.startswith("error target_not_empty: "))


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("nowhere", "target", "home_missing"),
        ("home", "mysql://u:s3cr3t@h/d", "settings_invalid"),
        ("home", "postgresql://u:s3cr3t@h:99999/d", "settings_invalid"),
        ("home", "postgresql://u:s3cr3t@127.0.0.1:1/d", "database_unavailable"),
    ],
)
def test_a_place_that_is_none_is_one_fault_without_its_password_and_nothing_is_made(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    filled: Settings,
    tmp_path: Path,
    source: str,
    target: str,
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, said = _copied(capsys, source, target)
    assert status
    assert said.startswith(f"error {code}: ")
    assert "s3cr3t" not in said
    assert ["home"] == [path.name for path in tmp_path.iterdir()]
