"""How fast read models are rebuilt from the log, against a projection that commits each event by itself.

The plain Python loop over the stored rows is the practical limit of anything that looks at every event in
Python.
"""

from __future__ import annotations

import sqlite3
import statistics
from itertools import islice
from pathlib import Path

import orjson

from contracts.intake import validate
from domain.ledger import Ledger
from ops.bench.library import open_cases, project_one_at_a_time, save_one_at_a_time
from ops.bench.load import wire_events
from ops.bench.measuring import Report, rate, seconds
from ops.bench.partnership import Partnership
from ops.composition import open_house, system_clock


def fill(home: Path, events: int, tag: str) -> None:
    """Record so many valid events about calls and referrals in a home, in batches of 2,000."""
    ledger = Ledger.open(home, clock=system_clock)
    try:
        bodies = wire_events(events, tag=tag)
        while batch := [validate(body) for body in islice(bodies, 2000)]:
            ledger.record(batch)
    finally:
        ledger.close()


def bench_rebuild(report: Report, folder: Path, partnership: Partnership, rounds: int, events: int) -> None:
    """All read models (and, in a row of its own, all KPI cells too) from ``events`` events: of the whole language, and
    of calls and referrals alone, which are what the recording is measured with.
    """
    fill(folder / "cases", events, "v")
    partnership.fill(folder / "whole", events)
    app = open_cases(folder / "library-projection.db")
    sample = [orjson.loads(body) for body in wire_events(3000, tag="lp")]
    save_one_at_a_time(app, sample)
    library: list[float] = []
    cases: list[float] = []
    rows: list[float] = []
    with_cells: list[float] = []
    loop: list[float] = []
    with open_house(folder / "cases") as few, open_house(folder / "whole") as house:
        for round_number in range(rounds):
            view = folder / f"view{round_number}.db"
            library.append(rate(len(sample), lambda view=view: project_one_at_a_time(app, view, len(sample))))  # type: ignore[misc]
            cases.append(rate(events, lambda: few.views.rebuild(few.store, few.reader)))
            row_seconds = seconds(lambda: house.views.rebuild(house.store, house.reader))
            cell_seconds = seconds(lambda: house.views.refresh(house.store, house.reader, house.now_us()))
            rows.append(events / row_seconds)
            with_cells.append(events / (row_seconds + cell_seconds))
            loop.append(rate(events, lambda: _plain_loop(folder / "whole" / "tallystick.db")))
    app.close()
    report.ratio(
        "rebuild from calls and referrals ÷ library projection, one event a transaction", cases, library, 60, "events/s"
    )
    report.aim("  from events of the whole language", rows, library, 60, "events/s")
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
