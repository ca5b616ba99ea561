"""Workers as processes and the relay that feeds them, for campaigns and tests that add, kill and restart them.

Here so that everything that starts processes ends them as well, whatever becomes of the test in between.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from sqlalchemy import select

from contracts.ports import Generations, views_name
from domain.ledger import Ledger
from ops.torture.delivering import Orders
from streams.kafka.connecting import Brokers
from streams.kafka.relay import Relay
from streams.kafka.topics import Topic, events_topic
from streams.tables import PARTITIONS, POSITIONS

ENDING_S = 30.0
"""How long a worker may take to finish the batch in hand and leave its group."""
POLL_S = 0.1


class Workers:
    """The workers of one generation. Leaving the ``with`` ends those that run, by SIGTERM, and says if one did not end
    well."""

    def __init__(self, orders: Orders, generations: Generations, number: int) -> None:
        self._orders = orders
        self._store = generations.store(number)
        self._name = views_name(number)
        self._folder = tempfile.TemporaryDirectory(prefix="tallystick-workers-")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.begun = 0
        self.killed = 0

    def add(self) -> None:
        """One more."""
        self.begun += 1
        with self._log(self.begun).open("wb") as log:
            command = [sys.executable, "-m", "ops.torture.delivering", msgspec.json.encode(self._orders).decode()]
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))

    def kill(self) -> None:
        """Ends the oldest at once, in the midst of whatever it does."""
        process = self._processes.pop(0)
        process.kill()
        process.wait()
        self.killed += 1

    def end(self) -> None:
        """Ends all of them as an operator would. Raises AssertionError where one does not end well."""
        processes, self._processes = self._processes, []
        for process in processes:
            process.send_signal(signal.SIGTERM)
        ended = [self._ended(process) for process in processes]
        assert all(status == 0 for status in ended), f"workers ended with {ended}: {self.told()}"

    def running(self) -> int:
        """How many have not ended."""
        return sum(process.poll() is None for process in self._processes)

    def check(self) -> None:
        """Raises AssertionError where one has ended by itself."""
        assert self.running() == len(self._processes), f"a worker ended by itself: {self.told()}"

    def revive(self) -> int:
        """Starts another for each that has ended by itself, as a supervisor would; how many that were."""
        ended = [process for process in self._processes if process.poll() is not None]
        for process in ended:
            self._processes.remove(process)
            self.add()
        return len(ended)

    def position(self) -> int:
        """Up to where the cells are complete."""
        with self._store.read() as connection:
            return connection.scalar(select(POSITIONS.c.log_index).where(POSITIONS.c.name == self._name)) or 0

    def furthest(self) -> int:
        """Where the partition stands that is furthest."""
        with self._store.read() as connection:
            query = select(PARTITIONS.c.log_index).where(PARTITIONS.c.name == self._name)
            return max(connection.scalars(query), default=0)

    def wait_for(self, reached: Callable[[], bool], deadline_s: float, meanwhile: Callable[[], None]) -> None:
        """Waits until something is so. Raises TimeoutError after ``deadline_s``, and what ``meanwhile`` raises."""
        until_s = time.monotonic() + deadline_s
        while not reached():
            meanwhile()
            if time.monotonic() > until_s:
                raise TimeoutError(f"at {self.position()} after {deadline_s} s: {self.told()}")
            time.sleep(POLL_S)

    def told(self) -> str:
        """The ends of what they wrote."""
        logs = (self._log(number + 1) for number in range(self.begun))
        return "\n".join(log.read_text(errors="replace")[-2_000:] for log in logs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.end()
        finally:
            for process in self._processes:
                process.kill()
                process.wait()
            self._folder.cleanup()

    def _log(self, number: int) -> Path:
        return Path(self._folder.name) / f"{number}.log"

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


@contextmanager
def relaying(ledger: Ledger, orders: Orders) -> Iterator[Relay]:
    """A relay on a thread. Raises what ended it, where that was not the leaving of the ``with``."""
    topic = Topic(events_topic(orders.prefix), orders.partitions, fixed=True)
    relay = Relay(
        ledger.reader(),
        ledger.store(),
        Brokers((orders.broker,)),
        topic,
        holder=f"relay-of-{orders.prefix}",
        clock=lambda: 0,
        lease_s=4.0,
    )
    failures: list[BaseException] = []

    def run() -> None:
        try:
            relay.run()
        except BaseException as error:  # noqa: BLE001 - raised where the relay is ended
            failures.append(error)

    thread = threading.Thread(target=run, name="relay", daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.stop()
        thread.join(ENDING_S)
    if failures:
        raise failures[0]
