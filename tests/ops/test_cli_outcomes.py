"""What a command leaves behind for other commands and for the script that called it: the lock, and an exit status."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.faults import EXIT_STATUS, Fault
from ops.cli import main, opening
from ops.composition import open_house

Raw = Callable[..., bytes]
Tell = Callable[..., tuple[int, Any]]

MAPPING = """
name = "m"
title = "M"
agency = "small"
source = "urn:m"
zone = "America/Los_Angeles"
row = "{referral}"
[times]
formats = ["%Y-%m-%d"]
date_only_at = "12:00:00"
[columns]
referral = "referral"
outcome = "outcome"
date = "date"
[codes.outcome]
[codes.outcome.map]
"got_help" = "got_help"
[[events]]
type = "referral.completed"
id = "{referral}:c"
subject = "referral/{referral}"
time = "date"
when = ["outcome"]
[events.data]
referral = "{referral}"
outcome = { column = "outcome", codes = "outcome", required = true }
"""


@pytest.fixture
def home(tmp_path: Path, raw: Raw) -> Path:
    with open_house(tmp_path / "home") as house:
        house.record([raw(1)])
    return tmp_path / "home"


@pytest.fixture
def tell(home: Path, capsys: pytest.CaptureFixture[str]) -> Tell:
    def go(*line: str) -> tuple[int, Any]:
        status = main([*line, "--home", str(home), "--format", "json"])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, json.loads(told.out) if told.out else None

    return go


def test_a_reading_command_has_given_the_writer_lock_back_while_it_reads(home: Path, raw: Raw) -> None:
    with open_house(home, writable=None), pytest.raises(Fault, match="home_in_use"):
        open_house(home)  # the control: whoever opens so and stays keeps others out
    with opening.reading(home) as house:
        assert (house.standing().lag_events, house.writable) == (0, False)
        with open_house(home) as other:
            assert [outcome.status for outcome in other.record_batch([raw(2)])] == ["recorded"]


def test_a_writing_command_waits_for_a_lock_that_is_given_back(
    home: Path, raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LOCK_WAIT_S", 0.0)
    holder = open_house(home)
    with pytest.raises(Fault, match="home_in_use"), opening.writing(home):
        raise AssertionError("the lock was held")
    monkeypatch.setattr(opening, "LOCK_WAIT_S", 60.0)
    refused = threading.Event()
    real = open_house

    def watched() -> Any:
        try:
            return real(home)
        except Fault:
            refused.set()
            raise

    letting_go = threading.Thread(target=lambda: (refused.wait(60), holder.close()))
    letting_go.start()
    with opening.patiently(watched) as house:
        assert house.record_batch([raw(3)])[0].status == "recorded"
    letting_go.join()


def test_record_fails_only_where_it_could_take_nothing(tell: Tell, tmp_path: Path, raw: Raw) -> None:
    def recorded(*bodies: bytes) -> tuple[int, list[int]]:
        (tmp_path / "e.ndjson").write_bytes(b"\n".join(bodies))
        status, told = tell("record", str(tmp_path / "e.ndjson"))
        return status, [told[name] for name in ("recorded", "duplicate", "conflict", "rejected")]

    other = raw(1, time="2025-03-02T10:00:00Z")
    assert recorded(raw(2), b"{") == (0, [1, 0, 0, 1])
    assert recorded(raw(2), b"{", other) == (0, [0, 1, 1, 1])
    assert recorded(b"{", b"nonsense", other) == (EXIT_STATUS["rejected"], [0, 0, 1, 2])
    assert recorded(other) == (EXIT_STATUS["conflict"], [0, 0, 1, 0])
    assert recorded() == (0, [0, 0, 0, 0])


def test_a_cut_array_is_recorded_up_to_the_cut_and_keeps_one_rejection(tell: Tell, tmp_path: Path, raw: Raw) -> None:
    (tmp_path / "cut.json").write_bytes(b"[" + raw(5) + b"," + raw(6))
    status, told = tell("record", str(tmp_path / "cut.json"))
    assert (status, told["recorded"], told["rejected"]) == (0, 2, 1)


def test_import_always_reports_and_fails_only_where_it_could_take_nothing(tell: Tell, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(MAPPING, "utf-8")

    def imported(rows: str, *more: str) -> tuple[int, list[int]]:
        (tmp_path / "m.csv").write_text("referral,outcome,date\n" + rows, "utf-8")
        status, told = tell("import", str(tmp_path / "m.csv"), "--mapping", str(tmp_path / "m.toml"), *more)
        return status, [told[name] for name in ("rows", "recorded", "duplicate", "rejected")]

    good = "R1,got_help,2025-01-02\n"
    assert imported(good + "R2,,2025-01-03\nR3,got_help,\n" + good) == (0, [4, 1, 1, 2])
    assert imported("R2,,2025-01-03\n") == (EXIT_STATUS["rejected"], [1, 0, 0, 1])
    assert imported("R2,,2025-01-03\n", "--dry-run") == (EXIT_STATUS["rejected"], [1, 0, 0, 1])
    assert imported(good + 'R4,"got_help,2025-01-02\n' + good) == (EXIT_STATUS["rejected"], [1, 0, 1, 0])


@pytest.mark.parametrize("odd", ["9" * 20, "9" * 5_000, "٣"])
@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("scorecard --as-of", 3),
        ("kpi K06 --as-of", 3),
        ("kpi K06 --period", 3),
        ("kpi K06 --group", 3),
        ("explain K06 --period", 3),
        ("explain K06 --group", 3),
        ("explain K06 --limit", 2),
        ("rejections --show", 2),
        ("rejections --after", 2),
    ],
)
def test_an_odd_number_on_the_command_line_is_told_and_never_a_failure_of_ours(
    tell: Tell, line: str, status: int, odd: str
) -> None:
    assert tell(*line.split(), odd) == (status, None)
