"""The kill campaign: SIGKILL at a random I/O call, again and again on the same home.

Here because a process may die between any two calls to the kernel, and inside one. The parent has everything
imported and forks a child per kill point; the child arms the shim and records until it dies.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.torture.judge import Findings
from ops.torture.session import Batch, History, look, play
from ops.torture.shim import How, Shim
from ops.torture.subject import HOME, Subject

LONGEST_CHAIN = 25
"""Kills on one home before a new one is begun; the look after each grows with the home."""


class SessionBroke(Exception):
    """A recording session ended in an exception instead of a kill; carries its traceback."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Where a session dies: at its nth counted call (0: nowhere), before, after or in the middle of it."""

    nth: int
    how: How
    torn_share: float


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended: killed or not, its acknowledgement lines, and the calls counted if it lived."""

    killed: bool
    lines: list[bytes]
    opening_calls: int
    calls: int


def run_session(
    subject: Subject, shim: Shim, box: Path, batches: Sequence[Batch], trigger: Trigger, outside: Path
) -> Ending:
    """Fork, record, die. ``outside`` is a directory that the shim does not watch. Raises SessionBroke."""
    acks_path, error_path, count_path = outside / "acks", outside / "error", outside / "count"
    for path in (acks_path, error_path, count_path):
        path.write_bytes(b"")
    child = os.fork()
    if child == 0:
        code = 3
        try:
            acks = os.open(acks_path, os.O_WRONLY | os.O_APPEND)
            shim.arm_kill(box, trigger.nth, trigger.how, trigger.torn_share)
            session = subject.open(box / HOME)
            opening = shim.counted()
            play(session, batches, lambda line: _write_all(acks, line))
            session.close()
            count_path.write_text(f"{opening} {shim.counted()}")
            code = 0
        except BaseException:  # noqa: BLE001 - nothing may leave a forked child but its exit status
            error_path.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    lines = [line for line in acks_path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Ending(True, lines, 0, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
        opening, calls = map(int, count_path.read_text().split())
        return Ending(False, lines, opening, calls)
    raise SessionBroke(error_path.read_text() or f"the session ended with status {status}")


def _write_all(fd: int, line: bytes) -> None:
    if os.write(fd, line) != len(line):
        raise OSError("short write of an acknowledgement line")


@dataclass(slots=True)
class KillTotals:
    """``findings.acknowledged`` counts each acknowledged event once; every look checks all of its home's
    events.
    """

    points: int
    findings: Findings
    sessions_survived: int = 0
    looks: int = 0


def run(subject: Subject, count: int, seed: int, scratch: Path, on_progress: Callable[[int], None]) -> KillTotals:
    """Kill ``count`` sessions and look at the home after each. ``scratch`` must exist; it is left empty."""
    rng = random.Random(seed)
    shim = Shim()
    totals = KillTotals(0, Findings())
    opening, calls = _measure(subject, shim, rng, scratch)
    while totals.points < count:
        box = scratch / "box"
        box.mkdir()
        history = History()
        for _ in range(min(rng.randint(1, LONGEST_CHAIN), count - totals.points)):
            batches = history.some(rng, 2)[:2] + list(subject.batches(rng.getrandbits(48)))
            upper = opening if rng.random() < 0.2 else calls
            how: How = rng.choice(("before", "after", "torn"))
            trigger = Trigger(rng.randint(1, upper), how, rng.random())
            ending = run_session(subject, shim, box, batches, trigger, scratch)
            history.take(subject, batches, ending.lines)
            if not ending.killed:
                totals.sessions_survived += 1
                continue
            totals.points += 1
            _examine(subject, box, history, rng, totals)
            on_progress(totals.points)
        totals.findings.acknowledged += len({ack.identity for ack in history.acks})
        shutil.rmtree(box)
    for path in scratch.iterdir():
        path.unlink()
    return totals


def _examine(subject: Subject, box: Path, history: History, rng: random.Random, totals: KillTotals) -> None:
    """Look at a copy, so that the next session finds the home as the kill left it and recovery is killed as
    well.
    """
    copy = box.with_name("copy")
    shutil.copytree(box, copy)
    number = totals.points
    found = look(subject, copy / HOME, history, rng, deep=number % 20 == 0, everything=number % 10 == 0)
    found.acknowledged = 0
    totals.findings.add(found)
    totals.looks += 1
    shutil.rmtree(copy)


def _measure(subject: Subject, shim: Shim, rng: random.Random, scratch: Path) -> tuple[int, int]:
    """How many calls a session makes on a new home until it is open, and in all."""
    box = scratch / "box"
    box.mkdir()
    ending = run_session(subject, shim, box, subject.batches(rng.getrandbits(48)), Trigger(0, "before", 0.0), scratch)
    shutil.rmtree(box)
    return max(1, ending.opening_calls), max(1, ending.calls)
