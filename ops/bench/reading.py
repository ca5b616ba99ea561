"""How fast the scorecard is read from a server, and what serving it costs in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ops.bench.measuring import MEGABYTE, Report, peak_rss_bytes
from ops.bench.recording import load, served

_PORT = 18_450


@dataclass(frozen=True, slots=True)
class Pages:
    """What one reader at a time waited for, and the server's highest memory."""

    page_p50_ms: float
    page_p99_ms: float
    json_p50_ms: float
    json_p99_ms: float
    peak_bytes: int


def read_pages(home: Path) -> Pages:
    """Serve a home whose views are made, and read its scorecard as a page and as JSON.

    The page is remembered while nothing changes; the JSON is put together anew for each reader. Raises RuntimeError
    where an answer was another than 200.
    """
    with served(home, _PORT) as process:
        load(_PORT, "/", 20, 1, "warm")
        page = load(_PORT, "/", 400, 1, "read")
        told = load(_PORT, "/v1/scorecard", 100, 1, "read")
        peak_bytes = peak_rss_bytes(process.pid)
    for result in (page, told):
        if set(result["statuses"]) != {"200"}:
            raise RuntimeError(f"unexpected answers: {result['statuses']}")
    return Pages(page["p50_ms"], page["p99_ms"], told["p50_ms"], told["p99_ms"], peak_bytes)


def show_pages(report: Report, events: int, pages: Pages) -> None:
    """The rows of one ledger, with their bars."""
    report.add(
        f"scorecard page on {events:,} events, p50 / p99",
        f"{pages.page_p50_ms:.1f} / {pages.page_p99_ms:.1f} ms",
        "p99 ≤ 50 ms",
        pages.page_p99_ms <= 50,
    )
    report.add("  scorecard as JSON, p50 / p99", f"{pages.json_p50_ms:.1f} / {pages.json_p99_ms:.1f} ms")
    report.at_most(f"peak memory of serving {events:,} events", pages.peak_bytes / MEGABYTE, 250, "MB")
