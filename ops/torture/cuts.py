"""The power-cut campaign: one traced session gives many states in which the disk may have been found.

Here because ``kill -9`` cannot tell a ledger that syncs from one that does not: the kernel keeps what a dead
process wrote.
"""

from __future__ import annotations

import os
import random
import shutil
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.torture.disk import Call, Disk, Op, State, read_state, read_trace, write_state
from ops.torture.judge import Findings
from ops.torture.kills import SessionBroke
from ops.torture.session import Batch, History, look, play
from ops.torture.shim import Shim
from ops.torture.subject import HOME, Subject

STATES_PER_TRACE = 40


class ModelDisagrees(Exception):
    """Replaying the trace does not give the files that are there: a call escaped the shim, so no result would
    hold.
    """


@dataclass(slots=True)
class CutTotals:
    """``findings.acknowledged`` counts, over all states, the events acknowledged before that cut."""

    states: int
    findings: Findings
    traces: int = 0
    calls: int = 0


def trace_session(
    subject: Subject, shim: Shim, box: Path, batches: Sequence[Batch], outside: Path, synchronous: str
) -> list[Call]:
    """Record the batches in a forked child with every call traced; acknowledgements are notes among the
    calls.
    """
    trace_path, error_path = outside / "trace", outside / "error"
    error_path.write_bytes(b"")
    child = os.fork()
    if child == 0:
        code = 3
        try:
            shim.arm_trace(box, trace_path)
            session = subject.open(box / HOME, synchronous=synchronous)
            play(session, batches, shim.note)
            session.close()
            shim.disarm()
            code = 0
        except BaseException:  # noqa: BLE001 - nothing may leave a forked child but its exit status
            error_path.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if not (os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0):
        raise SessionBroke(error_path.read_text() or f"the traced session ended with status {status}")
    return read_trace(trace_path)


def cut_points(calls: Sequence[Call], count: int, rng: random.Random) -> list[int]:
    """How many calls happened before each cut, ascending. Half of them fall shortly after an acknowledgement,
    where a missing sync would show; the rest anywhere."""
    notes = [place for place, call in enumerate(calls) if call.op is Op.NOTE]
    points = []
    for number in range(count):
        if number % 2 and notes:
            points.append(min(len(calls), rng.choice(notes) + 1 + rng.randint(0, 3)))
        else:
            points.append(rng.randint(0, len(calls)))
    return sorted(points)


def run(
    subject: Subject,
    count: int,
    seed: int,
    scratch: Path,
    on_progress: Callable[[int], None],
    synchronous: str = "FULL",
) -> CutTotals:
    """Look at ``count`` states after a cut. Every second trace begins from a state that an earlier cut left
    behind, so that recovery itself is cut as well. ``scratch`` must exist; it is left empty."""
    rng = random.Random(seed)
    shim = Shim()
    totals = CutTotals(0, Findings())
    start: State = {}
    history = History()
    while totals.states < count:
        box = scratch / "box"
        box.mkdir()
        write_state(start, box)
        batches = history.some(rng, 2)[:2] + list(subject.batches(rng.getrandbits(48)))
        calls = trace_session(subject, shim, box, batches, scratch, synchronous)
        totals.traces += 1
        totals.calls += len(calls)
        _assert_replayed(start, calls, box)
        shutil.rmtree(box)
        points = cut_points(calls, min(STATES_PER_TRACE, count - totals.states), rng)
        next_start = _cut(subject, start, calls, points, batches, history, rng, scratch, totals, on_progress)
        if totals.traces % 2 and next_start is not None:
            start, history = next_start
        else:
            start, history = {}, History()
    for path in scratch.iterdir():
        path.unlink()
    return totals


def _cut(
    subject: Subject,
    start: State,
    calls: Sequence[Call],
    points: Sequence[int],
    batches: Sequence[Batch],
    before: History,
    rng: random.Random,
    scratch: Path,
    totals: CutTotals,
    on_progress: Callable[[int], None],
) -> tuple[State, History] | None:
    """Look at one state per point; returns one of the sound states with what was acknowledged in it."""
    disk = Disk(start)
    lines: list[bytes] = []
    at = 0
    sound: tuple[State, History] | None = None
    for number, point in enumerate(points):
        for call in calls[at:point]:
            if call.op is Op.NOTE:
                lines.append(call.data)
            else:
                disk.advance(call)
        at = point
        state = disk.after_cut(rng)
        history = before.copy()
        history.take(subject, batches, lines)
        copy = scratch / "copy"
        copy.mkdir()
        write_state(state, copy)
        _leave_stale_shm(copy, rng)
        found = look(subject, copy / HOME, history, rng, deep=number % 20 == 19, everything=number % 10 == 9)
        shutil.rmtree(copy)
        if found.clean and (sound is None or rng.random() < 0.2):
            sound = state, history
        totals.findings.add(found)
        totals.states += 1
        on_progress(totals.states)
    return sound


def _leave_stale_shm(box: Path, rng: random.Random) -> None:
    """In half of the states the shared-memory file is there, with nonsense in it: SQLite must not believe
    it.
    """
    if rng.random() < 0.5:
        for database in box.rglob("*.db"):
            database.with_name(database.name + "-shm").write_bytes(rng.randbytes(32768))


def _assert_replayed(start: State, calls: Sequence[Call], box: Path) -> None:
    disk = Disk(start)
    for call in calls:
        if call.op is not Op.NOTE:
            disk.advance(call)
    replayed, real = disk.now(), read_state(box)
    differing = sorted(name for name in replayed.keys() | real.keys() if replayed.get(name, 0) != real.get(name, 0))
    if differing:
        raise ModelDisagrees(f"the trace does not account for {', '.join(differing)}")
