"""Runs a campaign on every core and adds up what its workers found.

Here so that the command and the tests torture in the same way: they differ in how often.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.torture.judge import Findings
from ops.torture.shim import build

EMBEDDED = "ops.torture.embedded:EMBEDDED"
"""The real ledger with its views in one file."""

REPOSITORY = Path(__file__).resolve().parents[2]


class WorkerFailed(Exception):
    """A worker ended without a result; carries what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``points``: kill points or states after a cut; ``extra``: counts of the workers that are not part of
    the line.
    """

    kind: str
    synchronous: str
    points: int
    findings: Findings
    extra: Mapping[str, int]

    def line(self) -> str:
        """The one line that may be quoted."""
        found = self.findings
        name = {"kills": "kill points", "cuts": "power cuts"}[self.kind]
        control = "" if self.synchronous == "FULL" else f"control synchronous={self.synchronous}: "
        return (
            f"{control}{name} {self.points:,}, acknowledged {found.acknowledged:,}, lost {found.lost:,}, "
            f"torn {found.torn:,}, double counted {found.doubled:,}"
        )


def fast_directory() -> str | None:
    """Memory-backed scratch where there is one: neither campaign needs a real device under it."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and os.access(memory, os.W_OK) else None


def run(
    kind: str,
    count: int,
    seed: int,
    *,
    subject: str = EMBEDDED,
    synchronous: str = "FULL",
    workers: int | None = None,
    on_progress: Callable[[int], None] = lambda _done: None,
    import_path: Path | None = None,
) -> Outcome:
    """Torture ``subject`` ``count`` times with workers seeded seed, seed + 1, …

    ``on_progress`` gets the number of points done so far, from one thread at a time. ``import_path`` is put
    before the import path of the workers (for a subject of the tests). Raises NoCompiler, WorkerFailed.
    """
    workers = max(1, min(workers or os.cpu_count() or 1, count))
    with tempfile.TemporaryDirectory(prefix="tallystick-torture-", dir=fast_directory()) as place:
        top = Path(os.path.realpath(place))
        library = build(Path(tempfile.mkdtemp(dir=_executable_directory(top))))
        try:
            jobs = []
            for number in range(workers):
                scratch = top / str(number)
                scratch.mkdir()
                share = count // workers + (1 if number < count % workers else 0)
                jobs.append(
                    {
                        "kind": kind,
                        "subject": subject,
                        "count": share,
                        "seed": seed + number,
                        "scratch": str(scratch),
                        "synchronous": synchronous,
                    }
                )
            results = _all(jobs, library, import_path, on_progress)
        finally:
            library.unlink()
            library.parent.rmdir()
    return _add_up(kind, synchronous, results)


def _executable_directory(fallback: Path) -> Path:
    """Memory-backed file systems are often mounted noexec, from which nothing can be preloaded."""
    ordinary = Path(tempfile.gettempdir())
    return ordinary if os.access(ordinary, os.W_OK) else fallback


def _all(
    jobs: list[dict[str, Any]], library: Path, import_path: Path | None, on_progress: Callable[[int], None]
) -> list[dict[str, Any]]:
    done = [0] * len(jobs)
    results: list[dict[str, Any] | BaseException] = [WorkerFailed("no answer")] * len(jobs)
    turn = threading.Lock()

    def progress(number: int, value: int) -> None:
        with turn:
            done[number] = value
            on_progress(sum(done))

    def one(number: int) -> None:
        try:
            results[number] = _one(jobs[number], library, import_path, lambda value: progress(number, value))
        except BaseException as failed:  # noqa: BLE001 - carried to the caller's thread and raised there
            results[number] = failed

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        good.append(result)
    return good


def _one(
    job: dict[str, Any], library: Path, import_path: Path | None, on_progress: Callable[[int], None]
) -> dict[str, Any]:
    paths = [str(path) for path in (import_path, REPOSITORY) if path is not None]
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "PYTHONPATH": os.pathsep.join(paths),
        # A forked child has only the thread that forked; pools of a numeric library would be missing in it.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "ops.torture.worker"]
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.close()
            result: dict[str, Any] | None = None
            for line in process.stdout:
                message = json.loads(line)
                if "progress" in message:
                    on_progress(message["progress"])
                else:
                    result = message["result"]
        if process.returncode != 0 or result is None:
            errors.seek(0)
            raise WorkerFailed(f"seed {job['seed']}: status {process.returncode}\n{errors.read()}")
    return result


def _add_up(kind: str, synchronous: str, results: list[dict[str, Any]]) -> Outcome:
    findings = Findings()
    extra: dict[str, int] = {}
    points = 0
    for result in results:
        findings.add(Findings(**result.pop("findings")))
        points += result.pop("points" if kind == "kills" else "states")
        for name, value in result.items():
            extra[name] = extra.get(name, 0) + value
    return Outcome(kind, synchronous, points, findings, extra)
