"""The campaign of the broker: Apache Kafka is stopped, killed and started again while agencies send both ways.

Here because everything behind the log goes through a broker that will be away at the worst moment: what was
acknowledged must be in the log once all the same, and the views must come to what the log says.
"""

from __future__ import annotations

import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.composition import open_house
from ops.deploy.kafka.local import BrokerFailed, LocalKafka, version, why_not
from ops.settings import load_settings
from ops.torture import errands
from ops.torture.campaign import fast_directory
from ops.torture.flooding import Errand, Sender
from ops.torture.judge import Findings
from ops.torture.kafka_agency import KafkaAgency, receipts
from ops.torture.served import Served, Started, credentials_for, migrated, token_of
from projections.kpi.audit import Audit
from streams.kafka.topics import receipts_topic

BY_HTTP = ("harbor-house", "northside-clinic")
BY_KAFKA = "riverbend-schools"
THROUGH_MIN = 0.9
CELLS_WAIT_S = 60.0
_LOOK_S = 0.2


class NotRun(Exception):
    """The campaign could not be run; says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How long and how much. Downs and ups are the longest in seconds; ``settle_s`` is how long the views may take
    to come to the end of the log once nobody sends any more."""

    seconds: float = 60.0
    workers: int = 2
    relays: int = 2
    batch_events: int = 20
    batches_per_s: float = 3.0
    down_max_s: float = 3.0
    up_max_s: float = 10.0
    settle_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen. ``missing`` counts events that the broker acknowledged and that are not in the log."""

    broker: str
    shape: Shape
    stops: int
    kills: int
    restarts: int
    """Processes of Tallystick that ended by themselves and were started again, as a supervisor does."""
    through: Mapping[str, float]
    by_http: int
    by_kafka: int
    receipts: int
    missing: int
    foreign: int
    findings: Findings
    settled_s: float | None
    head: int
    rows: int
    cells: int | None
    differences: tuple[str, ...]
    quarantined: int

    def line(self) -> str:
        """The one line that may be quoted."""
        found = self.findings
        settled = "never" if self.settled_s is None else f"after {self.settled_s:.0f} s"
        return (
            f"{self.broker} under load for {self.shape.seconds:.0f} s, stopped {self.stops} and killed {self.kills} "
            f"times: acknowledged {found.acknowledged:,} ({self.by_http:,} over HTTP, {self.by_kafka:,} over Kafka), "
            f"lost {found.lost + self.missing:,}, torn {found.torn:,}, double counted "
            f"{found.doubled + len(self.differences):,}, not from anybody {self.foreign:,}; complete up to "
            f"{self.head:,} {settled}, {self.rows:,} rows and {self.cells or 0:,} cells compared with the log, "
            f"{len(self.differences)} differ, in quarantine {self.quarantined:,}; processes started again "
            f"{self.restarts}"
        )


def failures(outcome: Outcome) -> list[str]:
    """Why the outcome is not the one that is due; empty when it is."""
    reasons = []
    if not outcome.stops or not outcome.kills:
        reasons.append(
            f"the broker was stopped {outcome.stops} and killed {outcome.kills} times: both were to be tried"
        )
    if not outcome.by_http or not outcome.by_kafka:
        reasons.append("nothing was acknowledged over HTTP or over Kafka, so nothing could be lost")
    if outcome.receipts < outcome.by_kafka:
        reasons.append(f"{outcome.by_kafka:,} events came by Kafka and only {outcome.receipts:,} have a receipt")
    if outcome.missing:
        reasons.append(f"{outcome.missing} events that the broker acknowledged are not in the log")
    if outcome.foreign:
        reasons.append(f"{outcome.foreign} events are in the log that nobody sent")
    if not outcome.findings.clean:
        reasons += outcome.findings.remarks or ["something was lost, torn or counted twice"]
    for agency, share in outcome.through.items():
        if share < THROUGH_MIN:
            reasons.append(f"{agency}, over HTTP, suffered from the broker: {share:.1%} got through in time")
    if outcome.settled_s is None:
        reasons.append(f"the views did not come to the end of the log in {outcome.shape.settle_s:g} s")
    if not outcome.rows or outcome.cells is None:
        reasons.append("rows or cells could not be compared with the log")
    reasons += [f"a view differs from the log: {difference}" for difference in outcome.differences[:20]]
    if outcome.quarantined:
        reasons.append(f"{outcome.quarantined} events are in quarantine")
    return reasons


def run(shape: Shape, database: str, *, seed: int = 0, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """Run the campaign on a broker of its own; ``database`` is the address of an empty one.

    Raises NotRun, NotServing, SenderFailed.
    """
    reason = why_not()
    if reason is not None:
        raise NotRun(reason)
    with ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-broker-", dir=fast_directory())))
        kafka = LocalKafka(top / "kafka")
        stack.callback(kafka.kill)
        try:
            kafka.start()
        except BrokerFailed as failed:
            raise NotRun(str(failed)) from failed
        return _tried(shape, database, kafka, top, random.Random(seed), stack, say)


def _tried(
    shape: Shape,
    database: str,
    kafka: LocalKafka,
    top: Path,
    rng: random.Random,
    stack: ExitStack,
    say: Callable[[str], None],
) -> Outcome:
    home = top / "home"
    home.mkdir()
    prefix = f"torture-{uuid.uuid4().hex[:8]}"
    topic = f"{prefix}.from-{BY_KAFKA}"
    credentials_for((*BY_HTTP, BY_KAFKA), home / "credentials.json", topics={BY_KAFKA: topic})
    settings = {
        "database": database,
        "broker": f"kafka://{kafka.address}",
        "topic_prefix": prefix,
        "events_partitions": "4",
        "lease_s": "4",
        "credentials_file": "credentials.json",
        "log_level": "warning",
    }
    migrated(home, settings)
    server = stack.enter_context(Served(home, settings))
    helpers = stack.enter_context(_supervised(home, settings, ["relay"] * shape.relays + ["worker"] * shape.workers))
    agency = KafkaAgency(
        kafka.address, topic, BY_KAFKA, batch_events=shape.batch_events, batches_per_s=shape.batches_per_s
    )
    sending = errands.start(_errand(shape, server.port, top / "http.acks"))
    stack.callback(sending.kill)
    agency.start()
    stops, kills = _trouble(kafka, shape, rng, helpers.look, say)
    told = errands.ended(sending)
    agency.stop()
    acks = list(errands.acks_in(top / "http.acks"))
    by_http = len({ack.identity for ack in acks})
    settled_s = _settled(home, settings, set(agency.taken), shape.settle_s, helpers.look)
    answered = list(receipts(kafka.address, receipts_topic(prefix), 30.0))
    head, parked, audit = _compared(home, settings, helpers.look)
    helpers.stop()
    server.stop()
    silent = errands.silent_ids(told.values()) | {name for _, name in agency.sent}
    findings, seen, foreign = errands.judged(home, settings, [*acks, *answered], silent)
    return Outcome(
        f"Apache Kafka {version()}",
        shape,
        stops,
        kills,
        helpers.restarts,
        {name: one.through / max(1, one.due) for name, one in told.items()},
        by_http,
        len(agency.taken),
        len({ack.identity for ack in answered}),
        len(set(agency.taken) - seen),
        foreign,
        findings,
        settled_s,
        head,
        audit.rows,
        audit.cells,
        tuple(str(difference) for difference in audit.differences),
        parked,
    )


def _errand(shape: Shape, port: int, acks: Path) -> Errand:
    senders = tuple(Sender(agency, token_of(agency)) for agency in BY_HTTP)
    return Errand("steady", port, shape.seconds, senders, 2, shape.batch_events, shape.batches_per_s, str(acks), "h")


def _trouble(
    kafka: LocalKafka, shape: Shape, rng: random.Random, look: Callable[[], None], say: Callable[[str], None]
) -> tuple[int, int]:
    """Stop and kill the broker in turns until the time is over; it runs at the end."""
    began_s = time.monotonic()
    stops = kills = 0
    while time.monotonic() - began_s < shape.seconds:
        _wait(rng.uniform(shape.up_max_s / 4, shape.up_max_s), look)
        if stops > kills:
            kafka.kill()
            kills += 1
        else:
            kafka.stop()
            stops += 1
        say(f"{time.monotonic() - began_s:.1f} s: the broker is away")
        _wait(rng.uniform(0, shape.down_max_s), look)
        kafka.start()
        say(f"{time.monotonic() - began_s:.1f} s: the broker is back")
    return stops, kills


def _wait(seconds: float, look: Callable[[], None]) -> None:
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        look()
        time.sleep(min(_LOOK_S, left_s))


def _settled(
    home: Path, settings: Mapping[str, str], taken: set[tuple[str, str]], settle_s: float, look: Callable[[], None]
) -> float | None:
    """The seconds until every event that the broker took is recorded and the views hold the whole log; None where
    that does not come about in time."""
    began_s = time.monotonic()
    at, missing = 0, set(taken)
    with open_house(home, writable=False, settings=load_settings(home, **settings)) as house:
        while time.monotonic() - began_s < settle_s:
            look()
            while batch := list(house.reader.after(at, 10_000)):
                missing -= {(event.source, event.id) for event in batch}
                at = batch[-1].log_index
            if not missing and house.standing().lag_events == 0:
                return time.monotonic() - began_s
            time.sleep(_LOOK_S)
    return None


def _compared(home: Path, settings: Mapping[str, str], look: Callable[[], None]) -> tuple[int, int, Audit]:
    """The log's end, how many events are in quarantine, and the views held against the log, once no cell waits to be
    counted."""
    until_s = time.monotonic() + CELLS_WAIT_S
    while True:
        with open_house(home, writable=False, settings=load_settings(home, **settings)) as house:
            standing, audit = house.standing(), house.audit()
        if audit.cells is not None or time.monotonic() > until_s:
            return standing.head.log_index, standing.quarantined, audit
        look()
        time.sleep(_LOOK_S)


class _Helpers:
    """Relays and workers, each started again where it ended by itself."""

    def __init__(self, home: Path, settings: Mapping[str, str], commands: list[str]) -> None:
        self._home, self._settings = home, settings
        self._running: list[Started] = []
        self.restarts = 0
        self.told: list[str] = []
        for command in commands:
            self._running.append(Started((command,), home, settings))

    def look(self) -> None:
        """Start again what has ended, as a supervisor would."""
        for number, process in enumerate(self._running):
            if not process.running:
                self.told.append(process.told())
                process.close()
                self.restarts += 1
                self._running[number] = Started((process.name,), self._home, self._settings)

    def stop(self) -> None:
        """End all of them as an operator would. Raises NotServing where one does not end well."""
        for process in self._running:
            process.ask_to_end()
        for process in self._running:
            process.stop()

    def close(self) -> None:
        """End what still runs, at once."""
        for process in self._running:
            process.close()


@contextmanager
def _supervised(home: Path, settings: Mapping[str, str], commands: list[str]) -> Iterator[_Helpers]:
    helpers = _Helpers(home, settings, commands)
    try:
        yield helpers
    finally:
        helpers.close()
