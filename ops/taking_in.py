"""A worker's intake from Kafka: who a topic speaks for, and the line that records what comes on it.

It is here because who may say what is the credentials' to tell, over Kafka exactly as over HTTP.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from contracts.faults import Fault
from contracts.intake import validate
from contracts.ports import Clock
from contracts.recorded import Outcome, Rejected, Submission
from domain.ledger import Ledger
from ops.backends import brokers
from ops.http.auth import Principal, entitled, load_credentials
from ops.metrics import Metrics
from ops.settings import Settings
from streams.kafka.connecting import AWAY
from streams.kafka.intake import IntakeCounts, IntakeLine
from streams.kafka.intake_broker import IntakeBroker
from streams.kafka.topics import intake_topic, receipts_topic, rejections_topic

LOOK_EVERY_S = 3.0
"""How often partitions are looked after on which nothing was delivered."""

_ENDINGS = ("recorded", "duplicate", "conflict", "rejected")
_log = logging.getLogger("tallystick.intake")


def speakers(settings: Settings) -> dict[str, Principal]:
    """Each topic on which events come in, with whom it speaks for. Raises the fault ``settings_invalid``.

    Who may write to a topic is the broker's to hold: its own rules give an agency's topic to that agency's principal,
    and the shared one to those who are trusted as an operator is.
    """
    shared = intake_topic(settings.topic_prefix)
    found = {shared: Principal(shared, "operator")}
    if settings.credentials_path is not None:
        for credential in load_credentials(settings.credentials_path):
            if credential.kafka_topic is not None:
                found[credential.kafka_topic] = Principal(credential.name, credential.role, credential.agency)
    return found


def recorder(
    ledger: Ledger, speak: Mapping[str, Principal]
) -> Callable[[Sequence[tuple[bytes | Rejected, str]]], Sequence[Outcome]]:
    """What judges events by the topic they came on, and records them in one durable transaction."""

    def record(events: Sequence[tuple[bytes | Rejected, str]]) -> Sequence[Outcome]:
        return ledger.record([_judged(event, speak[topic]) for event, topic in events])

    return record


def _judged(event: bytes | Rejected, principal: Principal) -> Submission:
    if isinstance(event, Rejected):
        return Rejected(event.raw, event.problem, event.source, event.id, principal.agency or event.agency)
    return entitled(validate(event, agency=principal.agency), event, principal)


class TakingIn:
    """The line of intake and the thread that looks after what nobody delivered. Close it when the agent has ended."""

    def __init__(self, settings: Settings, ledger: Ledger, clock: Clock, metrics: Metrics) -> None:
        speak = speakers(settings)
        self.topics = tuple(speak)
        self._broker = IntakeBroker(brokers(settings))
        self.line = IntakeLine(
            self._broker,
            ledger.store(),
            recorder(ledger, speak),
            receipts=receipts_topic(settings.topic_prefix),
            rejections=rejections_topic(settings.topic_prefix),
            clock=clock,
            on_counts=_counting(metrics),
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="intake-look", daemon=True)
        self.fault: BaseException | None = None
        """What the last look met; None while all is well."""

    def start(self) -> None:
        """Look after what nobody delivers from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for nothing that is away any longer. From any thread; idempotent."""
        self._stopping.set()
        self.line.stop()

    def close(self) -> None:
        """End the thread and close the connections. No batch may be under way."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join()
        self._broker.close()

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.line.look(self.topics)
                self.fault = None
            except (*AWAY, Fault) as error:
                self.fault = error
            except Exception as error:  # noqa: BLE001 - the agent meets it too and ends the worker; this only helps it
                self.fault = error
                _log.exception("what nobody delivered could not be looked after")


def _counting(metrics: Metrics) -> Callable[[IntakeCounts], None]:
    """Adds what a line tells of itself, in totals since it was made, to the counters."""
    ended = {status: metrics.counter("tallystick_submissions_total", status) for status in _ENDINGS}
    again = metrics.counter("tallystick_intake_read_again_total")
    expired = metrics.counter("tallystick_intake_expired_total")
    before = asdict(IntakeCounts())

    def tell(counts: IntakeCounts) -> None:
        nonlocal before
        now = asdict(counts)
        for status, counter in ended.items():
            counter.inc(now[status] - before[status])
        again.inc(now["read_again"] - before["read_again"])
        expired.inc(now["expired"] - before["expired"])
        before = now

    return tell
