"""How fast read models are rebuilt from the log, against a projection that commits each event by itself.

The plain Python loop over the stored rows is the practical limit of anything that looks at every event in
Python.
"""

from __future__ import annotations

import sqlite3
import statistics
from pathlib import Path

import orjson

from ops.bench.library import open_cases, project_one_at_a_time, save_one_at_a_time
from ops.bench.load import wire_events
from ops.bench.measuring import Report, rate, seconds
from ops.bench.partnership import Partnership
from ops.composition import open_house


def bench_rebuild(report: Report, folder: Path, partnership: Partnership, rounds: int, events: int) -> None:
    """All read models (and, in a row of its own, all KPI cells too) from ``events`` events of the whole language."""
    home = folder / "rebuild"
    partnership.fill(home, events)
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
