"""A sender of batches over HTTP, well-behaved or not, as a process of its own: ``python -m ops.torture.flooding``.

It is here so that what a flood costs its sender is not taken from the server's interpreter, and because a flood must be
offered whether or not it is answered, which a load generator that waits for each answer never does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import uvloop

Role = Literal["waiting", "flooding", "steady"]
"""How batches are offered: the next when one is answered; at a rate, answered or not; at a rate, and again when asked
to come back later."""

SOURCE = "urn:agency:{}:records"
_PIPELINED = 4
"""Batches under way on one connection of a flood; more are held off, as a full socket would."""
_TICK_S = 0.005
_DRAIN_S = 30.0
"""How long answers are waited for after the last offer."""
EVENT = (
    '{"specversion":"1.0","id":"%(id)s","source":"urn:agency:%(agency)s:records",'
    '"type":"org.tallystick.call.received.v1","subject":"call/%(id)s","time":"2026-01-05T08:00:00Z",'
    '"agency":"%(agency)s","datacontenttype":"application/json","sensitivity":"internal",'
    '"data":{"call":"%(id)s","psap":"psap-1","channel":"911","local_code":"5150","priority":"2"}}'
)


@dataclass(frozen=True, slots=True)
class Sender:
    """One agency and the token it shows."""

    agency: str
    token: str


@dataclass(frozen=True, slots=True)
class Errand:
    """What to send. ``batch_events`` are in each request; ``batches_per_s`` is the rate of each sender (no meaning for
    "waiting"); ``patience_s`` is how long a steady sender goes on with one batch; ``acks`` is the file that gets the
    body of every answer that acknowledges, one a line; ids begin with ``tag``.
    """

    role: Role
    port: int
    seconds: float
    senders: tuple[Sender, ...]
    connections: int
    batch_events: int
    batches_per_s: float
    acks: str
    tag: str
    patience_s: float = 5.0


@dataclass(slots=True)
class Told:
    """What one sender saw. Batches, but for ``unanswered``: the ids (first, last) of batches without an answer.

    ``due`` were due by the clock, ``offered`` were written to a socket (again ones included), ``through`` were
    acknowledged (of those due in time, for a steady sender), ``latencies_s`` run from when a batch was due to its
    acknowledgement, with every time it was sent again in between.
    """

    due: int = 0
    offered: int = 0
    held_off: int = 0
    through: int = 0
    refused: int = 0
    refused_without_retry_after: int = 0
    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    unanswered: list[tuple[str, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    first: int
    body: bytes
    due_s: float


Answered = Callable[[_Batch, int, bytes, bytes], None]
"""Told the batch, the status, the head (lower case) and the body of its answer."""


class _Wire(asyncio.Protocol):
    """One kept-alive connection: what is sent on it is answered in order."""

    def __init__(self, head: bytes, answered: Answered, lost: Callable[[_Wire], None]) -> None:
        self._head = head
        self._answered = answered
        self._lost = lost
        self._buffer = bytearray()
        self.under_way: deque[_Batch] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's transports are of no asyncio class

    def send(self, batch: _Batch) -> None:
        self.under_way.append(batch)
        self._transport.write(b"%bContent-Length: %d\r\n\r\n" % (self._head, len(batch.body)) + batch.body)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(buffer[:end]).lower() + b"\r\n"
            at = head.find(b"content-length:")
            whole = end + 4 + int(head[at + 15 : head.find(b"\r\n", at)])
            if len(buffer) < whole:
                return
            body = bytes(buffer[end + 4 : whole])
            del buffer[:whole]
            self._answered(self.under_way.popleft(), int(head[9:12]), head, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost(self)

    def close(self) -> None:
        self._transport.close()


class _Run:
    """One sender's errand."""

    def __init__(self, errand: Errand, sender: Sender, acks: BinaryIO) -> None:
        self._errand = errand
        self._sender = sender
        self._acks = acks
        self._tag = f"{errand.tag}-{sender.agency}"
        self._made = 0
        self._again: deque[_Batch] = deque()
        self._wires: list[_Wire] = []
        self._next_wire = 0
        self._open = True
        self.told = Told()

    async def run(self) -> Told:
        """Send for the errand's seconds, then wait for the answers to what is under way."""
        for _ in range(self._errand.connections):
            await self._connect()
        began_s = time.perf_counter()
        self._until_s = began_s + self._errand.seconds
        if self._errand.role == "waiting":
            for wire in self._wires:
                wire.send(self._new(began_s))
                self.told.offered += 1
            await asyncio.sleep(self._errand.seconds)
        else:
            await self._by_the_clock(began_s)
        self._open = self._errand.role == "steady"
        self.told.seconds = time.perf_counter() - began_s
        await self._drain()
        self._open = False
        for wire in self._wires:
            self._give_up(wire)
            wire.close()
        return self.told

    async def _connect(self) -> None:
        head = (
            "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents-batch+json\r\n"
            f"Authorization: Bearer {self._sender.token}\r\n"
        ).encode()
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(
            lambda: _Wire(head, self._answered, self._lost), "127.0.0.1", self._errand.port
        )
        self._wires.append(wire)

    async def _by_the_clock(self, began_s: float) -> None:
        told = self.told
        while (now_s := time.perf_counter()) < self._until_s:
            due = int((now_s - began_s) * self._errand.batches_per_s) + 1
            while told.due < due:
                self._offer(began_s + told.due / self._errand.batches_per_s)
                told.due += 1
            await asyncio.sleep(_TICK_S)

    def _offer(self, due_s: float) -> None:
        wire = self._free()
        if self._errand.role == "steady":
            batch = self._new(due_s)
            if wire is None:
                self._again.append(batch)
                return
        elif wire is None:
            self.told.held_off += 1
            return
        else:
            batch = self._again.popleft() if self._again else self._new(due_s)
        self.told.offered += 1
        wire.send(batch)

    def _free(self) -> _Wire | None:
        """A connection on which one more batch may be sent, each having its turn."""
        deep = _PIPELINED if self._errand.role == "flooding" else 1
        for _ in range(len(self._wires)):
            self._next_wire = (self._next_wire + 1) % len(self._wires)
            wire = self._wires[self._next_wire]
            if len(wire.under_way) < deep:
                return wire
        return None

    def _new(self, due_s: float) -> _Batch:
        first = self._made
        self._made += self._errand.batch_events
        agency, tag = self._sender.agency, self._tag
        events = [EVENT % {"id": f"{tag}-{n:09d}", "agency": agency} for n in range(first, self._made)]
        return _Batch(first, f"[{','.join(events)}]".encode(), due_s)

    def _answered(self, batch: _Batch, status: int, head: bytes, body: bytes) -> None:
        told, now_s = self.told, time.perf_counter()
        told.statuses[status] = told.statuses.get(status, 0) + 1
        steady = self._errand.role == "steady"
        if status == 200:
            self._acks.write(body + b"\n")
            took_s = now_s - batch.due_s
            if not steady or took_s <= self._errand.patience_s:
                told.through += 1
            if steady:
                told.latencies_s.append(took_s)
            if self._errand.role == "waiting" and now_s < self._until_s:
                self._send_new_waiting(now_s)
            elif steady:
                self._send_again()
            return
        if status == 429:
            told.refused += 1
        wait_s = _retry_after_s(head)
        if wait_s is None:
            told.refused_without_retry_after += status == 429
            wait_s = 1.0
        if steady and now_s + wait_s - batch.due_s <= self._errand.patience_s:
            asyncio.get_running_loop().call_later(wait_s, self._come_back, batch)
        elif self._errand.role == "flooding":
            self._again.append(batch)
        elif self._errand.role == "waiting" and now_s < self._until_s:
            asyncio.get_running_loop().call_later(0.05, self._send_new_waiting, now_s)

    def _send_new_waiting(self, now_s: float) -> None:
        wire = self._free()
        if wire is not None and self._open:
            self.told.offered += 1
            wire.send(self._new(now_s))

    def _come_back(self, batch: _Batch) -> None:
        self._again.append(batch)
        self._send_again()

    def _send_again(self) -> None:
        while self._again and self._open and (wire := self._free()) is not None:
            self.told.offered += 1
            wire.send(self._again.popleft())

    async def _drain(self) -> None:
        patience_s = self._errand.patience_s if self._errand.role == "steady" else _DRAIN_S
        until_s = time.perf_counter() + patience_s
        while time.perf_counter() < until_s and self._still_waits():
            await asyncio.sleep(0.02)

    def _still_waits(self) -> bool:
        if self._errand.role == "steady":
            return len(self.told.latencies_s) < self.told.due
        return any(wire.under_way for wire in self._wires)

    def _lost(self, wire: _Wire) -> None:
        self._give_up(wire)
        if wire in self._wires and len(self._wires) > 1:
            self._wires.remove(wire)

    def _give_up(self, wire: _Wire) -> None:
        last = self._errand.batch_events - 1
        self.told.unanswered += [(self._tag, batch.first, batch.first + last) for batch in wire.under_way]
        wire.under_way.clear()


def _retry_after_s(head: bytes) -> float | None:
    at = head.find(b"\r\nretry-after:")
    if at < 0:
        return None
    value = head[at + 14 : head.find(b"\r\n", at + 2)].strip()
    return float(value) if value.isdigit() else None


async def carry_out(errand: Errand) -> dict[str, Told]:
    """What each sender of the errand saw, by agency."""
    with Path(errand.acks).open("wb") as acks:
        runs = [_Run(errand, sender, acks) for sender in errand.senders]
        told = await asyncio.gather(*(run.run() for run in runs))
    return {sender.agency: seen for sender, seen in zip(errand.senders, told, strict=True)}


def main() -> None:
    """Reads an errand as JSON from standard input and prints what each sender saw as JSON."""
    asked = json.load(sys.stdin)
    asked["senders"] = tuple(Sender(**sender) for sender in asked["senders"])
    told = uvloop.run(carry_out(Errand(**asked)))
    sys.stdout.write(json.dumps({agency: asdict(seen) for agency, seen in told.items()}) + "\n")


if __name__ == "__main__":
    main()
