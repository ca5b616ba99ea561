"""How fast events are recorded: in bulk, and over HTTP one at a time and in batches, against the plain
library.

Bulk is the whole write path from bytes to receipt: strict parse, validation, canonical form, digest,
deduplication, tree, one durable transaction a batch. The plain library does none of these checks.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from contracts.intake import validate
from domain.ledger import Ledger
from ops.bench.library import open_cases, save_one_at_a_time
from ops.bench.load import wire_events
from ops.bench.measuring import Report, rate
from ops.composition import system_clock

_BATCH = 1000
_PORT = 18_400


def bench_recording(report: Report, folder: Path, rounds: int, events: int) -> None:
    """Bulk record, HTTP, raw ``executemany`` of the same bytes and the library's ``save``, in turns.

    The library is measured twice a round, before and after what is held against it.
    """
    library: list[float] = []
    bulk: list[float] = []
    raw: list[float] = []
    single: list[dict[str, Any]] = []
    batch: list[dict[str, Any]] = []
    for number in range(rounds):
        bodies = list(wire_events(events, seed=number, tag=f"r{number}"))
        before = _library(folder / f"before{number}.db", bodies)
        bulk.append(rate(events, lambda: _record(folder / f"ledger{number}", bodies)))  # noqa: B023
        raw.append(rate(events, lambda: _executemany(folder / f"raw{number}.db", bodies)))  # noqa: B023
        with served(folder / f"http{number}", _PORT + number):
            single.append(load(_PORT + number, "single", events // 2, 64, f"s{number}"))
            batch.append(load(_PORT + number, "batch", 2 * events, 8, f"m{number}"))
        library.append((before + _library(folder / f"after{number}.db", bodies)) / 2)
    for results, expected in ((single, {"201"}), (batch, {"200"})):
        for result in results:
            if set(result["statuses"]) != expected:
                raise RuntimeError(f"unexpected answers: {result['statuses']}")
    report.ratio("bulk record ÷ library save, one event at a time", bulk, library, 10, "events/s")
    report.add(
        "  bulk record as a share of raw executemany of the same bytes",
        f"{statistics.median(bulk) / statistics.median(raw):.0%} ({statistics.median(raw):,.0f} events/s)",
    )
    report.ratio(
        "HTTP, one event a request, 64 connections ÷ library save",
        [r["per_second"] for r in single],
        library,
        3,
        "events/s",
    )
    p50, p99 = (statistics.median(r[name] for r in single) for name in ("p50_ms", "p99_ms"))
    report.add("  its latency, p50 / p99", f"{p50:.1f} / {p99:.1f} ms")
    report.ratio("HTTP, batches of 100 ÷ library save", [r["per_second"] for r in batch], library, 8, "events/s")


def _library(file: Path, bodies: list[bytes]) -> float:
    few = [orjson.loads(body) for body in bodies[:2000]]
    app = open_cases(file)
    try:
        return rate(len(few), lambda: save_one_at_a_time(app, few))
    finally:
        app.close()


def _record(home: Path, bodies: list[bytes]) -> None:
    ledger = Ledger.open(home, clock=system_clock)
    try:
        for at in range(0, len(bodies), _BATCH):
            outcomes = ledger.record([validate(body) for body in bodies[at : at + _BATCH]])
            if any(outcome.status != "recorded" for outcome in outcomes):
                raise RuntimeError(f"the benchmark's own events were refused: {outcomes[0]}")
    finally:
        ledger.close()


def _executemany(file: Path, bodies: list[bytes]) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE log (log_index INTEGER PRIMARY KEY, state BLOB)")
    for at in range(0, len(bodies), _BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO log (state) VALUES (?)", [(body,) for body in bodies[at : at + _BATCH]])
        connection.execute("COMMIT")
    connection.close()


@contextmanager
def served(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """``tallystick serve`` on loopback as a process of its own, ready to answer; stopped by SIGTERM."""
    command = [sys.executable, "-m", "ops.cli", "serve", "--home", str(home), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _wait_ready(process, port)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                stderr = process.stderr.read().decode() if process.poll() is not None and process.stderr else ""
                raise RuntimeError(f"the server did not start: {stderr}") from error
            time.sleep(0.05)


def load(port: int, kind: str, count: int, connections: int, tag: str) -> dict[str, Any]:
    """Run the load generator as a process of its own; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.bench.http_load", str(port), kind, str(count), str(connections), tag],
        capture_output=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result
