"""How long an acknowledged event waits until the scorecard counts it, under a steady load over HTTP.

One process serves, one relays, one applies. Each sent event's answer says its log_index; the moment from which the
scorecard is complete up to there is read from the row that is committed with the cells.
"""

from __future__ import annotations

import bisect
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ops.bench.load import wire_events
from ops.bench.measuring import Report, percentile
from ops.bench.servers import Fresh, Scaled
from ops.deploy.kafka.local import free_port

_POLL_S = 0.01
_AIM_S = 2.0
_SENDERS = 4


def bench_lag(report: Report, fresh: Fresh, per_second: int, seconds: float) -> None:
    """p50 and p99 of the lag from acknowledged to visible, with ``per_second`` single events for ``seconds``."""
    ledger = fresh()
    port = free_port()
    with (
        ledger.running("relay"),
        ledger.running("worker", "--no-intake", "--projection"),
        ledger.running("serve", "--port", str(port)),
    ):
        _wait_ready(port)
        with _watching(ledger) as seen:
            acknowledged = _send(port, per_second, seconds)
            last = max(index for index, _ in acknowledged)
            deadline = time.monotonic() + 60
            while not seen or seen[-1][0] < last:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the scorecard stands at {seen[-1:]}, {last} was acknowledged")
                time.sleep(_POLL_S)
    complete = [index for index, _ in seen]
    waits = [seen[bisect.bisect_left(complete, index)][1] - at for index, at in acknowledged]
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    reached = "reached" if p99 <= _AIM_S else "not reached"
    report.add(
        f"from acknowledged to visible on the scorecard, {len(waits) / seconds:,.0f} events/s, p50 / p99",
        f"{p50:.2f} / {p99:.2f} s",
        f"aim p99 ≤ {_AIM_S:g} s, {reached}",
    )


def _send(port: int, per_second: int, seconds: float) -> list[tuple[int, float]]:
    """(log_index, moment of the answer) of every event sent at a steady rate on a few connections."""
    bodies = list(wire_events(int(per_second * seconds), tag="lag"))
    answers: list[tuple[int, float]] = []
    failed: list[str] = []
    start = time.perf_counter()

    def sender(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for place in range(number, len(bodies), _SENDERS):
            time.sleep(max(0.0, start + place / per_second - time.perf_counter()))
            connection.request("POST", "/v1/events", bodies[place], {"Content-Type": "application/cloudevents+json"})
            response = connection.getresponse()
            told = response.read()
            if response.status != 201:
                failed.append(f"{response.status} {told[:200]!r}")
                return
            answers.append((int(json.loads(told)["log_index"]), time.perf_counter()))
        connection.close()

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(_SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"unexpected answer: {failed[0]}")
    return answers


@contextmanager
def _watching(ledger: Scaled) -> Iterator[list[tuple[int, float]]]:
    """(log_index up to which the scorecard is complete, moment at which that was seen), growing as it moves."""
    seen: list[tuple[int, float]] = []
    stop = threading.Event()

    def watch() -> None:
        with psycopg.connect(ledger.database, autocommit=True) as connection:
            while not stop.wait(_POLL_S):
                row = connection.execute("SELECT max(log_index) FROM positions").fetchone()
                complete = 0 if row is None or row[0] is None else int(row[0])
                if complete and (not seen or complete > seen[-1][0]):
                    seen.append((complete, time.perf_counter()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _wait_ready(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError("the server did not start")
