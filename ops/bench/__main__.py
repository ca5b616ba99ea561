"""``make bench``: print every ratio, measured in one run, and exit 1 if a bar was missed."""

from __future__ import annotations

import argparse
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path

from ops.bench.measuring import Line, Report
from ops.bench.reading import bench_reading
from ops.bench.rebuilding import bench_rebuild, bench_rebuild_memory, fill
from ops.bench.recording import bench_recording
from ops.composition import open_house


def _show(line: Line) -> None:
    verdict = {None: "", True: "met", False: "MISSED"}[line.met]
    sys.stdout.write(f"{line.what:<72} {line.measured:<48} {line.aim:<12} {verdict}\n")
    sys.stdout.flush()


def main() -> int:
    """Run every benchmark; ``--quick`` takes a tenth of the events and one round."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, one round")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each figure; the median is printed")
    chosen = parser.parse_args()
    scale, rounds = (10, 1) if chosen.quick else (1, chosen.rounds)
    sys.stdout.write(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()};"
        f" medians of {rounds};"
        " validation, canonical bytes, digest, tree and synchronous=FULL all on\n"
    )
    report = Report(show=_show)
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as name:
        folder = Path(name)
        bench_recording(report, folder, rounds, 60_000 // scale)
        bench_rebuild(report, folder, rounds, 300_000 // scale)
        large, events = folder / "large", 1_000_000 // scale
        fill(large, events, "big")
        bench_rebuild_memory(report, large, events)
        with open_house(large) as house:
            house.catch_up()
        bench_reading(report, large, events)
    if report.missed:
        sys.stdout.write(f"{len(report.missed)} missed\n")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
