"""A process that stays: it ends when it is asked to, at once when asked twice, and never later than promised."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.settings import Settings
from ops.staying import OVERDUE_STATUS, awaiting_the_end, begin_log, start_line

ROOT = Path(__file__).resolve().parents[2]

_SUBJECT = """
import sys, threading
from ops.staying import awaiting_the_end
with awaiting_the_end(end_max_s=float(sys.argv[1])) as ending:
    print("ready", flush=True)
    ending.asked.wait()
    print("asked", flush=True)
    if sys.argv[2] == "hangs":
        threading.Event().wait()
print("ended", flush=True)
"""


def _subject(end_max_s: float, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SUBJECT, str(end_max_s), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "ready\n" == process.stdout.readline()
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_once_it_finishes_and_ends_well(number: signal.Signals) -> None:
    process = _subject(30, "ends")
    process.send_signal(number)
    told, _ = process.communicate(timeout=20)
    assert ("asked\nended\n", 0) == (told, process.returncode)


def test_asked_twice_it_ends_at_once() -> None:
    process = _subject(30, "hangs")
    assert process.stdout is not None
    process.send_signal(signal.SIGTERM)
    assert "asked\n" == process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=20)
    assert ("", 128 + signal.SIGTERM) == (told, process.returncode)


def test_one_that_does_not_end_in_its_time_is_ended_and_says_so() -> None:
    process = _subject(0.1, "hangs")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert OVERDUE_STATUS == process.returncode
    assert "error closing" in said


def test_the_handlers_that_were_there_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    acts: list[str] = []
    with awaiting_the_end() as ending:
        ending.then(lambda: acts.append("asked"))
        os.kill(os.getpid(), signal.SIGTERM)
        assert ending.asked.wait(10)
        ending.then(lambda: acts.append("late"))
    assert signal.getsignal(signal.SIGTERM) == before
    assert ["asked", "late"] == acts


def test_the_first_line_says_what_is_used_and_no_password() -> None:
    settings = Settings(database="postgresql://tally:s3cr3t@h/db", broker="kafka://b:9092", zone="UTC")
    line = start_line("relay", settings, topic="tallystick.events", metrics=None)
    assert "process=relay" in line
    assert "database=postgresql://tally:***@h/db broker=kafka://b:9092 topics=tallystick.* zone=UTC" in line
    assert line.endswith(" topic=tallystick.events")
    assert "s3cr3t" not in line


def test_a_password_in_a_message_or_a_traceback_does_not_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        begin_log(Settings(log_level="info"))
        try:
            raise RuntimeError("postgresql://u:s3cr3t@h/db refused")
        except RuntimeError:
            logging.getLogger("tallystick.test").exception("password=s3cr3t was refused")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    said = capsys.readouterr().err
    assert "RuntimeError: postgresql://u:***@h/db refused" in said
    assert "s3cr3t" not in said
