"""The campaign of a flood: one agency offers ten times what the server can take while three behave.

Here because back-pressure is promised (429 with Retry-After, never loss, memory bounded, nobody starved), and whether
that holds shows only where more comes in than can be recorded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.torture import errands
from ops.torture.campaign import fast_directory
from ops.torture.flooding import Errand, Sender, Told
from ops.torture.judge import Findings
from ops.torture.served import FAIR, Served, credentials_for, migrated, token_of

FLOODER = "flooding-agency"
STEADY = ("harbor-house", "northside-clinic", "riverbend-schools")
THROUGH_MIN = 0.9
"""The share of what a well-behaved agency offered that must get through."""


class NotRun(Exception):
    """The campaign could not be run; says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the flood is offered. The flooder's connections times a batch are more than the queue holds, or nothing is
    ever refused.
    """

    seconds: float = 60.0
    measure_s: float = 5.0
    times: float = 10.0
    connections: int = 256
    batch_events: int = 100
    steady_batches_per_s: float = 2.0
    queue_events: int = 20_000
    patience_s: float = 5.0
    memory_bound_bytes: int = 256 * 1024 * 1024
    """By so much the flood may raise the server's highest resident memory."""


FULL = Shape()
SMALL = Shape(
    seconds=4.0,
    measure_s=1.5,
    connections=200,
    batch_events=200,
    queue_events=4_000,
    patience_s=3.0,
    memory_bound_bytes=100 * 1024 * 1024,
)
"""Forty thousand events under way at a queue of four thousand, ten times what it takes: where a server without turns
starves, it does so in seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen. Rates are events a second, memory is in bytes; ``flood`` and ``steady`` count batches."""

    where: str
    shape: Shape
    sustainable_per_s: float
    idle_bytes: int
    peak_bytes: int
    flood: Told
    steady: Mapping[str, Told]
    findings: Findings
    foreign: int
    """Events in the log that nobody sent, or whose sender was told that they were refused."""

    @property
    def grown_bytes(self) -> int:
        """By how much the flood raised the highest resident memory."""
        return self.peak_bytes - self.idle_bytes

    @property
    def offered_times(self) -> float:
        """How many times the sustainable rate the flooder offered."""
        return self.flood.due * self.shape.batch_events / self.flood.seconds / self.sustainable_per_s

    @property
    def through(self) -> dict[str, float]:
        """By well-behaved agency, the share of its batches that got through in time."""
        return {agency: told.through / max(1, told.due) for agency, told in self.steady.items()}

    def line(self) -> str:
        """The one line that may be quoted."""
        late = sorted(second for told in self.steady.values() for second in told.latencies_s)
        flood, found = self.flood, self.findings
        return (
            f"flood on {self.where}: {self.offered_times:.1f} x the sustainable {self.sustainable_per_s:,.0f} events/s "
            f"for {flood.seconds:.0f} s, of the flooder's batches {flood.through:,} recorded, "
            f"{flood.refused:,} refused with 429 ({flood.refused_without_retry_after:,} without Retry-After), "
            f"{flood.held_off:,} held off at the socket; well-behaved through "
            f"{min(self.through.values(), default=0.0):.1%} at least, p50 {_at(late, 0.5) * 1000:,.0f} ms, "
            f"p99 {_at(late, 0.99) * 1000:,.0f} ms; memory {_mb(self.idle_bytes)} MB, at its peak "
            f"{_mb(self.peak_bytes)} MB; acknowledged {found.acknowledged:,}, lost {found.lost:,}, "
            f"torn {found.torn:,}, double counted {found.doubled:,}, not from anybody {self.foreign:,}"
        )


def failures(outcome: Outcome) -> list[str]:
    """Why the outcome is not the one that is due; empty when it is."""
    shape, flood = outcome.shape, outcome.flood
    reasons = []
    if outcome.offered_times < shape.times * 0.95:
        reasons.append(f"only {outcome.offered_times:.1f} x the sustainable rate was offered, not {shape.times:g} x")
    if not flood.refused:
        reasons.append("nothing was refused with 429, so the queue was never full and this was no flood")
    if flood.refused_without_retry_after:
        reasons.append(f"{flood.refused_without_retry_after} answers 429 had no Retry-After")
    strange = {status: n for status, n in _statuses(outcome).items() if status not in (200, 429)}
    if strange:
        reasons.append(f"answers with another status than 200 and 429: {strange}")
    if outcome.grown_bytes > shape.memory_bound_bytes:
        reasons.append(f"memory grew by {_mb(outcome.grown_bytes)} MB, the bound is {_mb(shape.memory_bound_bytes)} MB")
    for agency, share in outcome.through.items():
        if share < THROUGH_MIN:
            reasons.append(f"{agency} was starved: {share:.1%} of what it offered got through in time")
    if outcome.findings.acknowledged == 0:
        reasons.append("nothing was acknowledged, so nothing could be lost")
    if outcome.foreign:
        reasons.append(f"{outcome.foreign} events are in the log that nobody sent or whose sender was refused")
    if not outcome.findings.clean:
        reasons += outcome.findings.remarks or ["something was lost, torn or counted twice"]
    return reasons


def run(
    shape: Shape = FULL, *, settings: Mapping[str, str] | None = None, module: str = FAIR, where: str = "SQLite"
) -> Outcome:
    """Flood a server of our own and hold its log against what it acknowledged.

    ``settings`` are the server's beyond its credentials and queue, such as ``database``; ``module`` is run as the
    server (a control is another one). Raises NotServing, NotRun, SenderFailed.
    """
    with tempfile.TemporaryDirectory(prefix="tallystick-flood-", dir=fast_directory()) as place:
        top = Path(place)
        home = top / "home"
        home.mkdir()
        credentials_for((FLOODER, *STEADY), home / "credentials.json")
        chosen = {
            "credentials_file": "credentials.json",
            "max_queue_events": str(shape.queue_events),
            "log_level": "warning",
            **(settings or {}),
        }
        if "database" in chosen:
            migrated(home, chosen)
        with Served(home, chosen, module=module) as server:
            measured = errands.carried_out(_measuring(shape, server.port, top))[FLOODER]
            sustainable = measured.through * shape.batch_events / measured.seconds
            if not sustainable:
                raise NotRun(f"nothing was recorded while the rate was measured: {measured.statuses}")
            idle_bytes = server.peak_bytes()
            flooding = errands.start(_flooding(shape, server.port, top, sustainable))
            steady = errands.start(_steady(shape, server.port, top))
            flood, behaved = errands.ended(flooding)[FLOODER], errands.ended(steady)
            peak_bytes = server.peak_bytes()
            server.stop()
        acks = [ack for path in sorted(top.glob("*.acks")) for ack in errands.acks_in(path)]
        silent = errands.silent_ids((measured, flood, *behaved.values()))
        findings, _, foreign = errands.judged(home, chosen, acks, silent)
    return Outcome(where, shape, sustainable, idle_bytes, peak_bytes, flood, behaved, findings, foreign)


def _measuring(shape: Shape, port: int, top: Path) -> Errand:
    # Few enough that the queue is never full: eight batches under way are what a writer wants to find waiting.
    return Errand(
        "waiting", port, shape.measure_s, _senders(FLOODER), 8, shape.batch_events, 0.0, str(top / "measured.acks"), "m"
    )


def _flooding(shape: Shape, port: int, top: Path, sustainable_per_s: float) -> Errand:
    rate = sustainable_per_s * shape.times / shape.batch_events
    return Errand(
        "flooding",
        port,
        shape.seconds,
        _senders(FLOODER),
        shape.connections,
        shape.batch_events,
        rate,
        str(top / "flood.acks"),
        "f",
    )


def _steady(shape: Shape, port: int, top: Path) -> Errand:
    rate = shape.steady_batches_per_s
    return Errand(
        "steady",
        port,
        shape.seconds,
        _senders(*STEADY),
        4,
        shape.batch_events,
        rate,
        str(top / "steady.acks"),
        "s",
        shape.patience_s,
    )


def _senders(*agencies: str) -> tuple[Sender, ...]:
    return tuple(Sender(agency, token_of(agency)) for agency in agencies)


def _statuses(outcome: Outcome) -> dict[int, int]:
    every: dict[int, int] = {}
    for told in (outcome.flood, *outcome.steady.values()):
        for status, n in told.statuses.items():
            every[status] = every.get(status, 0) + n
    return every


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f}"
