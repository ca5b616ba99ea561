"""How the cost of a rebuild and of reading the scorecard grows from 100,000 events to millions.

Here because a ledger only ever gets longer: what costs more for each event the more there are will one day not be done
any more. The same partnership is lived by more and more cases, so the ledgers differ in length and in nothing else.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from ops.bench.measuring import MEGABYTE, Report, peak_rss_bytes, percentile
from ops.bench.partnership import Partnership
from ops.bench.reading import Pages, read_pages, show_pages
from ops.composition import open_house

SIZES = (100_000, 300_000, 1_000_000, 3_000_000)
BAND = 1.3
"""An event may cost so many times what it costs in the smallest ledger."""
READ_BAND = 1.5
"""A scorecard may take so many times what it takes on the smallest ledger."""
READS = 100


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """One rebuild in a process of its own, and readings of the scorecard after it.

    Seconds are of the processor, user and system together, so that neither other programs nor the disk are measured.
    """

    events: int
    rows_s: float
    cells_s: float
    peak_bytes: int
    cells: int
    kpis: int
    read_p50_ms: float
    read_p99_ms: float

    @property
    def row_us(self) -> float:
        """Microseconds of the read models for each event."""
        return self.rows_s / self.events * 1e6

    @property
    def all_us(self) -> float:
        """Microseconds of the read models and of every KPI's cells for each event."""
        return (self.rows_s + self.cells_s) / self.events * 1e6


def bench_growth(report: Report, folder: Path, partnership: Partnership, sizes: Sequence[int], judged: int) -> None:
    """Rebuild a ledger of each size and read its scorecard; a home is removed before the next one is filled.

    The ledger of ``judged`` events, one of the sizes, is the one whose memory and page have bars of their own.
    """
    measured: list[tuple[Rebuilt, Pages]] = []
    for events in sizes:
        home = folder / f"partnership-{events}"
        partnership.fill(home, events)
        one = rebuilt(home)
        _show_rebuild(report, one, [earlier for earlier, _ in measured])
        pages = read_pages(home)
        measured.append((one, pages))
        if events == judged:
            report.at_most(f"peak memory of rebuilding {events:,} events", one.peak_bytes / MEGABYTE, 600, "MB")
            show_pages(report, events, pages)
        shutil.rmtree(home)
    _show_reads(report, measured)


def _show_rebuild(report: Report, one: Rebuilt, earlier: Sequence[Rebuilt]) -> None:
    """A row for the read models, and one for those with every cell, each held to the smallest ledger's cost."""
    first = earlier[0] if earlier else one
    further = ""
    if earlier:
        more_s = one.rows_s + one.cells_s - earlier[-1].rows_s - earlier[-1].cells_s
        further = f"; {more_s / (one.events - earlier[-1].events) * 1e6:.2f} µs for each further one"
    for what, cost_us, first_us, more in (
        (f"rebuild of {one.events:,} events", one.row_us, first.row_us, f"; peak {one.peak_bytes / MEGABYTE:,.0f} MB"),
        (f"  with the {one.cells:,} cells of {one.kpis} KPIs", one.all_us, first.all_us, further),
    ):
        _held(report, what, f"{cost_us:.2f} µs/event", more, cost_us / first_us, BAND if earlier else None)


def _show_reads(report: Report, measured: Sequence[tuple[Rebuilt, Pages]]) -> None:
    """How long a scorecard takes on each size: put together anew, and as the page that many people open."""
    least, least_pages = measured[0]
    for one, pages in measured:
        band = None if one is least else READ_BAND
        said = f"{one.read_p50_ms:.1f} / {one.read_p99_ms:.1f} ms"
        ratio = one.read_p50_ms / least.read_p50_ms
        _held(report, f"scorecard put together from {one.events:,} events, p50 / p99", said, "", ratio, band)
        said = f"{pages.page_p50_ms:.1f} / {pages.page_p99_ms:.1f} ms"
        _held(report, "  as a page", said, "", pages.page_p50_ms / least_pages.page_p50_ms, band)


def _held(report: Report, what: str, said: str, more: str, ratio: float, band: float | None) -> None:
    """A row that says how many times the first size's cost this is, and whether that is within the band."""
    if band is None:
        report.add(what, said + more)
    else:
        report.add(what, f"{said}, {ratio:.2f} × the first{more}", f"≤ {band:g} ×", ratio <= band)


def rebuilt(home: Path) -> Rebuilt:
    """Rebuild a home's views, and read its scorecard, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "ops.bench.growing", str(home)], capture_output=True, check=True)
    return Rebuilt(**orjson.loads(done.stdout))


def measure(home: Path) -> Rebuilt:
    """Rebuild in this process and read the scorecard; ``peak_bytes`` is that of all it did up to the rebuild's end."""
    ended: list[float] = []

    def advanced(_done: int, _total: int) -> None:
        # Told for the last time when the rows are committed and the cells begin.
        ended.append(time.process_time())

    with open_house(home) as house:
        start = time.process_time()
        house.rebuild(advanced)
        rows_s, cells_s = ended[-1] - start, time.process_time() - ended[-1]
        peak_bytes = peak_rss_bytes()
        reads = []
        for _ in range(READS):
            start = time.process_time()
            card = house.scorecard()
            reads.append(time.process_time() - start)
        events, cells, kpis = house.reader.head().log_index, len(house.cells()), len(card.lines())
    p50, p99 = (percentile(reads, share) * 1e3 for share in (0.5, 0.99))
    return Rebuilt(events, rows_s, cells_s, peak_bytes, cells, kpis, p50, p99)


def _main() -> None:
    sys.stdout.buffer.write(orjson.dumps(measure(Path(sys.argv[1]))))


if __name__ == "__main__":
    _main()
