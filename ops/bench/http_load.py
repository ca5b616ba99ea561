"""A lean HTTP/1.1 load generator: keep-alive connections, one request in flight on each, latencies kept.

It runs as a process of its own (``python -m ops.bench.http_load``), so that what it costs is not taken from
the server's interpreter, and it speaks only to loopback.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvloop

from ops.bench.load import wire_events
from ops.bench.measuring import percentile


@dataclass(slots=True)
class Tally:
    """What the connections saw: seconds of each request, and how many answers had each status."""

    latencies_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], tally: Tally, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._tally = tally
        self._done = done
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # uvloop's transports are of no asyncio class
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            self._buffer = buffer
            return
        head = buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else end])
        if len(buffer) < end + 4 + length:
            self._buffer = buffer
            return
        self._buffer = b""
        self._tally.latencies_s.append(time.perf_counter() - self._sent_at)
        status = int(head[9:12])
        self._tally.statuses[status] = self._tally.statuses.get(status, 0) + 1
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))


def post(path: str, content_type: str, body: bytes) -> bytes:
    """One POST request's bytes."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def get(path: str) -> bytes:
    """One GET request's bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


async def drive(port: int, requests: list[bytes], connections: int) -> tuple[float, Tally]:
    """Send every request over so many connections; returns wall seconds and what was seen."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    shared = iter(requests)
    waits = []
    start = time.perf_counter()
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda done=done: _Connection(shared, tally, done), "127.0.0.1", port)  # type: ignore[misc]
        waits.append(done)
    await asyncio.gather(*waits)
    return time.perf_counter() - start, tally


def main() -> None:
    """``port kind count connections tag``: prints events/s, p50 and p99 (ms) and statuses as JSON."""
    port, kind, count, connections, tag = (
        int(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]),
        int(sys.argv[4]),
        sys.argv[5],
    )
    if kind == "single":
        requests = [post("/v1/events", "application/cloudevents+json", e) for e in wire_events(count, tag=tag)]
        events = count
    elif kind == "batch":
        bodies = list(wire_events(count, tag=tag))
        chunks = [bodies[i : i + 100] for i in range(0, count, 100)]
        requests = [
            post("/v1/events", "application/cloudevents-batch+json", b"[" + b",".join(c) + b"]") for c in chunks
        ]
        events = count
    else:
        requests = [get(kind)] * count
        events = count
    elapsed, tally = uvloop.run(drive(port, requests, connections))
    sys.stdout.write(
        json.dumps(
            {
                "per_second": events / elapsed,
                "p50_ms": percentile(tally.latencies_s, 0.5) * 1000,
                "p99_ms": percentile(tally.latencies_s, 0.99) * 1000,
                "statuses": tally.statuses,
            }
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
