"""How fast the scorecard page is read from a large ledger, and what serving it costs in memory."""

from __future__ import annotations

from pathlib import Path

from ops.bench.measuring import Report, peak_rss_bytes
from ops.bench.rebuilding import MEGABYTE
from ops.bench.recording import load, served

_PORT = 18_450


def bench_reading(report: Report, home: Path, events: int) -> None:
    """The scorecard page, one reader at a time, then peak memory of the server that answered."""
    with served(home, _PORT) as process:
        load(_PORT, "/", 20, 1, "warm")
        result = load(_PORT, "/", 400, 1, "read")
        cell = load(_PORT, "/v1/scorecard", 200, 1, "read")
        peak = peak_rss_bytes(process.pid)
    if set(result["statuses"]) != {"200"}:
        raise RuntimeError(f"unexpected answers: {result['statuses']}")
    report.add(
        f"scorecard page on {events:,} events, p50 / p99",
        f"{result['p50_ms']:.1f} / {result['p99_ms']:.1f} ms",
        "p99 ≤ 50 ms",
        result["p99_ms"] <= 50,
    )
    report.add("  scorecard as JSON, p50 / p99", f"{cell['p50_ms']:.1f} / {cell['p99_ms']:.1f} ms")
    report.add(
        f"peak memory of serving {events:,} events",
        f"{peak / MEGABYTE:,.0f} MB",
        "≤ 250 MB",
        peak <= 250 * MEGABYTE,
    )
