"""The campaign of a flood over Kafka: one agency fills its topic faster than the worker takes in, another behaves.

Here because a broker takes whatever is sent to it, so nobody is refused: what must hold is that the worker reads no
more than it can hold, and that the topic of an agency that behaves is read as if the other were not there.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from contracts.ports import LogReader
from ops.composition import open_house
from ops.deploy.kafka.local import BrokerFailed, LocalKafka, version, why_not
from ops.settings import load_settings
from ops.torture.campaign import fast_directory
from ops.torture.judge import Ack, Findings, Identity, Row, judge_log
from ops.torture.kafka_agency import KafkaAgency, receipts
from ops.torture.served import Started, credentials_for, migrated
from streams.kafka.topics import receipts_topic

FLOODER = "flooding-agency"
STEADY = ("harbor-house", "riverbend-schools")
THROUGH_MIN = 0.9
_LOOK_S = 0.1
_MEASURING_EVENTS = 500
_MEASURING_PER_S = 12.0
"""Batches a second while the rate is measured: more than one worker takes in, and no more waits afterwards than it
takes in within seconds."""
_READ_EVENTS = 10_000


class NotRun(Exception):
    """The campaign could not be run; says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the flood is offered: the flooder sends as fast as the broker takes it, ``times`` what the worker takes in
    at most. ``drain_s``: how long the worker may go on
    with what is left."""

    seconds: float = 60.0
    measure_s: float = 8.0
    times: float = 10.0
    batch_events: int = 1_000
    steady_batches_per_s: float = 2.0
    steady_events: int = 20
    patience_s: float = 5.0
    drain_s: float = 600.0
    memory_bound_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen. Rates are events a second, memory is the worker's in bytes, ``late_s`` are the seconds from when
    an event of a well-behaved agency was due until it was recorded."""

    broker: str
    shape: Shape
    sustainable_per_s: float
    offered_per_s: float
    recorded_of_flood: int
    waiting: int
    """Events of the flooder that its topic still held when the flood ended."""
    left: int
    """Of those, the ones that were not recorded after ``drain_s``."""
    through: Mapping[str, float]
    late_s: tuple[float, ...]
    idle_bytes: int
    peak_bytes: int
    missing: int
    foreign: int
    findings: Findings

    @property
    def offered_times(self) -> float:
        """How many times the sustainable rate the flooder offered."""
        return self.offered_per_s / self.sustainable_per_s

    def line(self) -> str:
        """The one line that may be quoted."""
        found = self.findings
        worst = min(self.through.values(), default=0.0)
        p50_ms, p99_ms = (_at(self.late_s, share) * 1000 for share in (0.5, 0.99))
        return (
            f"flood over {self.broker}: {self.offered_times:.1f} x the sustainable {self.sustainable_per_s:,.0f} "
            f"events/s of one worker for {self.shape.seconds:.0f} s, {self.waiting:,} waited on the topic when it "
            f"ended, {self.left:,} still do; well-behaved through {worst:.1%} at least, p50 {p50_ms:,.0f} ms, p99 "
            f"{p99_ms:,.0f} ms; memory of the worker {self.idle_bytes / 1e6:,.0f} MB, at its peak "
            f"{self.peak_bytes / 1e6:,.0f} MB; acknowledged {found.acknowledged:,}, lost "
            f"{found.lost + self.missing:,}, torn {found.torn:,}, double counted {found.doubled:,}, not from anybody "
            f"{self.foreign:,}"
        )


def failures(outcome: Outcome) -> list[str]:
    """Why the outcome is not the one that is due; empty when it is."""
    shape = outcome.shape
    reasons = []
    if outcome.offered_times < shape.times * 0.95:
        reasons.append(f"only {outcome.offered_times:.1f} x the sustainable rate was offered, not {shape.times:g} x")
    if not outcome.waiting:
        reasons.append("nothing waited on the topic when the flood ended, so this was no flood")
    if outcome.peak_bytes - outcome.idle_bytes > shape.memory_bound_bytes:
        reasons.append(
            f"the worker's memory grew by {(outcome.peak_bytes - outcome.idle_bytes) / 1e6:,.0f} MB, the bound is "
            f"{shape.memory_bound_bytes / 1e6:,.0f} MB"
        )
    for agency, share in outcome.through.items():
        if share < THROUGH_MIN:
            reasons.append(f"{agency} was starved: {share:.1%} of what it offered was recorded in time")
    if outcome.findings.acknowledged == 0:
        reasons.append("nothing was acknowledged, so nothing could be lost")
    if outcome.missing:
        reasons.append(f"{outcome.missing} events that the broker acknowledged are not in the log")
    if outcome.foreign:
        reasons.append(f"{outcome.foreign} events are in the log that nobody sent")
    if not outcome.findings.clean:
        reasons += outcome.findings.remarks or ["something was lost, torn or counted twice"]
    return reasons


def run(shape: Shape, database: str, *, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Run the campaign on a broker of its own; ``database`` is the address of an empty one. Raises NotRun and
    NotServing."""
    reason = why_not()
    if reason is not None:
        raise NotRun(reason)
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-flood-", dir=fast_directory())))
        kafka = LocalKafka(top / "kafka")
        stack.callback(kafka.kill)
        try:
            kafka.start()
        except BrokerFailed as failed:
            raise NotRun(str(failed)) from failed
        return _flooded(shape, database, kafka, top, stack, say)


def _flooded(
    shape: Shape, database: str, kafka: LocalKafka, top: Path, stack: ExitStack, say: Callable[[str], None]
) -> Outcome:
    home = top / "home"
    home.mkdir()
    prefix = f"flood-{uuid.uuid4().hex[:8]}"
    topics = {agency: f"{prefix}.from-{agency}" for agency in (FLOODER, *STEADY)}
    credentials_for((FLOODER, *STEADY), home / "credentials.json", topics=topics)
    settings = {
        "database": database,
        "broker": f"kafka://{kafka.address}",
        "topic_prefix": prefix,
        "credentials_file": "credentials.json",
        "log_level": "warning",
    }
    migrated(home, settings)
    stack.enter_context(Started(("relay",), home, settings))
    worker = stack.enter_context(Started(("worker",), home, settings))
    with open_house(home, writable=False, settings=load_settings(home, **settings)) as house:
        reader = house.reader
        measuring = _agency(kafka, topics, FLOODER, _MEASURING_EVENTS, _MEASURING_PER_S, "m")
        sustainable = _measured(reader, measuring, shape.measure_s)
        if not sustainable:
            raise NotRun("nothing was recorded while the rate was measured")
        say(f"one worker takes in {sustainable:,.0f} events/s")
        idle_bytes = worker.peak_bytes()
        flood = _agency(kafka, topics, FLOODER, shape.batch_events, sustainable * shape.times / shape.batch_events, "f")
        steady = [_agency(kafka, topics, name, shape.steady_events, shape.steady_batches_per_s, "s") for name in STEADY]
        began_s = time.monotonic()
        for one in (flood, *steady):
            one.start()
        time.sleep(shape.seconds)
        for one in (flood, *steady):
            one.stop()
        offered = len(flood.taken) / (time.monotonic() - began_s)
        every = [measuring, flood, *steady]
        at_end = reader.head().log_index
        sent = sum(len(one.taken) for one in every)
        say(f"{sent - at_end:,} events wait")
        _drained(reader, sent, shape.drain_s)
        peak_bytes = worker.peak_bytes()
        answered = list(receipts(kafka.address, receipts_topic(prefix), 30.0))
        recorded, foreign, findings = _judged(reader, answered, {name for one in every for name in one.sent})
    missing = [identity for one in every for identity in one.taken if identity not in recorded]
    left = [identity for identity in missing if f"-{FLOODER}-" in identity[1]]
    due = {identity: at for one in steady for identity, at in zip(one.taken, one.due_us, strict=True)}
    late_s = sorted((recorded[identity] - at) / 1e6 for identity, at in due.items() if identity in recorded)
    return Outcome(
        f"Apache Kafka {version()}",
        shape,
        sustainable,
        offered,
        sum(identity in recorded for identity in flood.taken),
        max(0, sent - at_end),
        len(left),
        {name: _in_time(one, recorded, shape.patience_s) for name, one in zip(STEADY, steady, strict=True)},
        tuple(late_s),
        idle_bytes,
        peak_bytes,
        len(missing) - len(left),
        foreign,
        findings,
    )


def _agency(
    kafka: LocalKafka, topics: Mapping[str, str], name: str, events: int, batches_per_s: float, tag: str
) -> KafkaAgency:
    return KafkaAgency(kafka.address, topics[name], name, batch_events=events, batches_per_s=batches_per_s, tag=tag)


def _measured(reader: LogReader, agency: KafkaAgency, seconds: float) -> float:
    """Events a second that are recorded while there is more on the topic than can be."""
    agency.start()
    until_s = time.monotonic() + 60.0
    while reader.head().log_index == 0 and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
    first, began_s = reader.head().log_index, time.monotonic()
    time.sleep(seconds)
    rate = (reader.head().log_index - first) / (time.monotonic() - began_s)
    agency.stop()
    _drained(reader, len(agency.taken), 120.0)
    return rate


def _drained(reader: LogReader, events: int, deadline_s: float) -> None:
    until_s = time.monotonic() + deadline_s
    while reader.head().log_index < events and time.monotonic() < until_s:
        time.sleep(_LOOK_S)


def _in_time(agency: KafkaAgency, recorded: Mapping[Identity, int], patience_s: float) -> float:
    in_time = sum(
        recorded.get(identity, 2**63) - at <= patience_s * 1e6
        for identity, at in zip(agency.taken, agency.due_us, strict=True)
    )
    return in_time / max(1, len(agency.sent))


def _judged(reader: LogReader, acks: list[Ack], sent: set[Identity]) -> tuple[dict[Identity, int], int, Findings]:
    """When each event of the log was recorded (microseconds since the Unix epoch), how many nobody sent, and the log
    held against the receipts."""
    recorded: dict[Identity, int] = {}
    foreign = 0

    def rows() -> Iterator[Row]:
        nonlocal foreign
        at = 0
        while batch := list(reader.after(at, _READ_EVENTS)):
            for event in batch:
                identity = (event.source, event.id)
                recorded[identity] = event.recorded_at_us
                foreign += identity not in sent
                yield Row(event.log_index, identity, event.digest, event.body)
            at = batch[-1].log_index

    findings = judge_log(acks, rows())
    return recorded, foreign, findings


def _at(ordered: tuple[float, ...], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
