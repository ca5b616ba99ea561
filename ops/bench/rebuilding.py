"""How fast read models are rebuilt from the log, against a projection that commits each event by itself.

The plain Python loop over the stored rows is the practical limit of anything that looks at every event in
Python.
"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
from pathlib import Path

import orjson

from contracts.intake import validate
from domain.ledger import Ledger
from ops.bench.library import open_cases, project_one_at_a_time, save_one_at_a_time
from ops.bench.load import wire_events
from ops.bench.measuring import Report, peak_rss_bytes, rate, seconds
from ops.composition import open_house, system_clock

MEGABYTE = 1_000_000


def fill(home: Path, events: int, tag: str) -> None:
    """Record so many valid events in a home, in batches of 2,000."""
    ledger = Ledger.open(home, clock=system_clock)
    try:
        batch: list[bytes] = []
        for body in wire_events(events, tag=tag):
            batch.append(body)
            if len(batch) == 2000:
                ledger.record([validate(item) for item in batch])
                batch.clear()
        if batch:
            ledger.record([validate(item) for item in batch])
    finally:
        ledger.close()


def bench_rebuild(report: Report, folder: Path, rounds: int, events: int) -> None:
    """All read models (and, in a row of its own, all KPI cells too) from ``events`` events."""
    home = folder / "rebuild"
    fill(home, events, "v")
    app = open_cases(folder / "library-projection.db")
    sample = [orjson.loads(body) for body in wire_events(3000, tag="lp")]
    save_one_at_a_time(app, sample)
    library: list[float] = []
    rows: list[float] = []
    with_cells: list[float] = []
    loop: list[float] = []
    with open_house(home) as house:
        for round_number in range(rounds):
            view = folder / f"view{round_number}.db"
            library.append(rate(len(sample), lambda view=view: project_one_at_a_time(app, view, len(sample))))  # type: ignore[misc]
            row_seconds = seconds(lambda: house.views.rebuild(house.store, house.reader))
            cell_seconds = seconds(lambda: house.views.refresh(house.store, house.reader, house.now_us()))
            rows.append(events / row_seconds)
            with_cells.append(events / (row_seconds + cell_seconds))
            loop.append(rate(events, lambda: _plain_loop(home / "tallystick.db")))
    app.close()
    report.ratio(
        "rebuild of all read models ÷ library projection, one event a transaction",
        rows,
        library,
        60,
        "events/s",
    )
    report.add(
        "  the same with every KPI cell computed",
        f"{statistics.median(with_cells) / statistics.median(library):,.1f} ×",
    )
    report.add(
        "  rebuild as a share of a plain Python loop over the stored rows",
        f"{statistics.median(rows) / statistics.median(loop):.0%} ({statistics.median(loop):,.0f} events/s)",
    )


def _plain_loop(file: Path) -> int:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    total = 0
    for _, state in connection.execute("SELECT log_index, state FROM log ORDER BY log_index"):
        total += len(state)
    connection.close()
    return total


def bench_rebuild_memory(report: Report, home: Path, events: int) -> None:
    """Peak memory of a rebuild of a large ledger, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "ops.bench.rebuilding", str(home)], capture_output=True, check=True)
    peak = int(done.stdout)
    report.add(
        f"peak memory of rebuilding {events:,} events",
        f"{peak / MEGABYTE:,.0f} MB",
        "≤ 600 MB",
        peak <= 600 * MEGABYTE,
    )


def _main() -> None:
    with open_house(Path(sys.argv[1])) as house:
        house.rebuild()
    sys.stdout.write(f"{peak_rss_bytes()}\n")


if __name__ == "__main__":
    _main()
