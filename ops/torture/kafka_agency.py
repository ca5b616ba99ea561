"""An agency that sends over Kafka, on a thread: it sends again what the broker did not take, as every sender must.

Here because what a broker acknowledged must be in the ledger as surely as what the ledger acknowledged, and only a
sender that goes on while the broker comes and goes can tell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

import orjson

from contracts.kafka_binding import Headers, Outgoing
from ops.torture.flooding import EVENT, SOURCE
from ops.torture.judge import Ack, Identity
from streams.kafka.connecting import AWAY, Brokers
from streams.kafka.intake_broker import IntakeBroker

_STRUCTURED: Headers = [("content-type", b"application/cloudevents+json")]
_READ_MESSAGES = 1_000
_PAUSE_S = 0.1


class KafkaAgency:
    """``start`` it, ``stop`` it; then ``taken`` are the events that the broker acknowledged, ``sent`` all that may
    have reached it, and ``due_us`` when each of those taken was due, in microseconds since the Unix epoch."""

    def __init__(
        self, server: str, topic: str, agency: str, *, batch_events: int, batches_per_s: float, tag: str = "k"
    ) -> None:
        """``server`` is ``host:port``; nothing is connected to yet. At most ``batches_per_s`` are sent; ids begin with
        ``tag``."""
        self._brokers = Brokers((server,), {"request_timeout_ms": 5_000})
        self._topic = topic
        self._agency = agency
        self._tag = tag
        self._batch_events = batch_events
        self._pause_s = 1 / batches_per_s
        self._stopping = threading.Event()
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name=f"agency-{agency}", daemon=True)
        self.taken: list[Identity] = []
        self.due_us: list[int] = []
        self.sent: list[Identity] = []
        self.refused_by_broker = 0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more, once what was begun is taken. Raises what ended the sending before."""
        self._stopping.set()
        self._thread.join()
        if self._errors:
            raise self._errors[0]

    def _run(self) -> None:
        try:
            with closing(IntakeBroker(self._brokers)) as broker:
                due_s = time.monotonic()
                while not self._stopping.is_set():
                    self._send(broker)
                    # One that has fallen behind begins anew from now: what it did not send was never offered.
                    due_s = max(due_s + self._pause_s, time.monotonic())
                    self._stopping.wait(due_s - time.monotonic())
        except BaseException as error:  # noqa: BLE001 - raised again, in the thread that stops this one
            self._errors.append(error)

    def _send(self, broker: IntakeBroker) -> None:
        first = len(self.sent)
        names = [f"{self._tag}-{self._agency}-{number:09d}" for number in range(first, first + self._batch_events)]
        identities = [(SOURCE.format(self._agency), name) for name in names]
        self.sent += identities
        at_us = time.time_ns() // 1_000
        messages = [(at_us // 1_000, self._message(name)) for name in names]
        while True:
            try:
                broker.send(self._topic, messages)
            except AWAY:
                self.refused_by_broker += 1
                time.sleep(_PAUSE_S)
                continue
            self.taken += identities
            self.due_us += [at_us] * len(identities)
            return

    def _message(self, name: str) -> Outgoing:
        body = (EVENT % {"id": name, "agency": self._agency}).encode()
        return Outgoing(f"call/{name}".encode(), body, _STRUCTURED)


def receipts(server: str, topic: str, deadline_s: float) -> Iterator[Ack]:
    """Every receipt on a topic so far, repeated ones as often as they stand there.

    Waits for the brokers until ``deadline_s`` seconds from now; raises ``AWAY`` then.
    """
    until_s = time.monotonic() + deadline_s
    with closing(IntakeBroker(Brokers((server,), {"request_timeout_ms": 5_000}))) as broker:
        positions = dict.fromkeys(_places(broker, topic, until_s), 0)
        idle = 0
        while idle < 3:  # one empty answer may only have been slow
            try:
                messages = broker.beyond(positions, _READ_MESSAGES)
            except AWAY:
                if time.monotonic() > until_s:
                    raise
                continue
            idle = 0 if messages else idle + 1
            for message in messages:
                positions[(message.topic, message.partition)] = message.offset + 1
                told = orjson.loads(message.value or b"{}")
                if told.get("status") in ("recorded", "duplicate"):
                    yield Ack((told["source"], told["id"]), told["log_index"], bytes.fromhex(told["digest"]))


def _places(broker: IntakeBroker, topic: str, until_s: float) -> Sequence[tuple[str, int]]:
    while True:
        with suppress(*AWAY):
            return broker.places([topic])
        if time.monotonic() > until_s:
            return broker.places([topic])
        time.sleep(_PAUSE_S)
