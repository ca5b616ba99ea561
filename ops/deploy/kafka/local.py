"""One Apache Kafka broker on this machine: resolved from Maven, run in KRaft mode on loopback, stopped on request.

It is here so that a developer, the tests and the measurements meet Kafka itself and not only something that speaks its
protocol, without a container and without installing anything for good: the jars lie in one folder, a broker's data in
another. ``python -m ops.deploy.kafka.local`` resolves them where needed, runs a broker and prints its address.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
JARS_VARIABLE: Final = "TALLYSTICK_KAFKA_JARS"
JAVA_MIN: Final = 17
START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0
HEAP_MB: Final = 320

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
num.network.threads=2
num.io.threads=4
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
log.cleaner.dedupe.buffer.size=4194304
"""


class BrokerFailed(RuntimeError):
    """Kafka could not be resolved, formatted or started; the text is what its tools said."""


def jars_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the jars lie: the folder that ``TALLYSTICK_KAFKA_JARS`` names, else ``.kafka/jars`` in the project."""
    named = environ.get(JARS_VARIABLE)
    return Path(named) if named else HERE.parents[2] / ".kafka" / "jars"


def resolve(jars: Path) -> None:
    """Copies the broker's jars into a folder with Maven, unless they are there. Raises BrokerFailed."""
    if _broker_jar(jars) is not None:
        return
    if shutil.which("mvn") is None:
        raise BrokerFailed("there is no mvn on the PATH (Debian: maven)")
    jars.parent.mkdir(parents=True, exist_ok=True)
    # Into a folder beside it first: a resolution that was broken off must not look like a finished one.
    with tempfile.TemporaryDirectory(dir=jars.parent) as unfinished:
        told = subprocess.run(
            [
                *("mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"),
                *("-DincludeScope=runtime", f"-DoutputDirectory={unfinished}/jars"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise BrokerFailed(f"mvn could not resolve Kafka:\n{told.stdout}{told.stderr}")
        shutil.rmtree(jars, ignore_errors=True)
        os.rename(f"{unfinished}/jars", jars)


def why_not(jars: Path | None = None) -> str | None:
    """Why Kafka cannot be started here, in a sentence, or None where it can."""
    folder = jars or jars_folder()
    if _broker_jar(folder) is None:
        return f"no jars of Apache Kafka in {folder}: run make kafka-jars (or set {JARS_VARIABLE})"
    java = shutil.which("java")
    if java is None:
        return f"no java on the PATH; Apache Kafka needs Java {JAVA_MIN} (Debian: openjdk-17-jre-headless)"
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version.group(1)) < JAVA_MIN:
        return f"Apache Kafka needs Java {JAVA_MIN}; here is {told.splitlines()[0] if told else 'none'}"
    return None


def version(jars: Path | None = None) -> str:
    """The version of Apache Kafka that the jars are of, such as ``4.4.0``."""
    found = _broker_jar(jars or jars_folder())
    return "unknown" if found is None else found.stem.rpartition("-")[2]


class LocalKafka:
    """One combined broker and controller in a folder of its own. ``start`` after ``stop`` or ``kill`` goes on with what
    is in the folder, on the same port."""

    def __init__(self, folder: Path, *, jars: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
        """Starts nothing yet; ``settings`` are added to the broker's ``server.properties``."""
        self._folder = folder
        self._classpath = f"{jars or jars_folder()}/*"
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._controller = _ports_of(folder / "server.properties") or (free_port(), free_port())
        self.address = f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id of the running broker."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Formats the folder where that was not done, starts the broker, waits until it answers; returns its
        address. Raises BrokerFailed."""
        properties = self._folder / "server.properties"
        if not properties.exists():
            self._format(properties)
        with open(self._folder / "broker.log", "ab") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(properties)), stdout=log, stderr=log, start_new_session=True
            )
        until_s = time.monotonic() + START_TIMEOUT_S
        while not answers(self.port):
            if self._process.poll() is not None or time.monotonic() > until_s:
                self.kill()
                raise BrokerFailed(f"Kafka did not start:\n{(self._folder / 'broker.log').read_text()[-4000:]}")
            time.sleep(0.05)
        return self.address

    def stop(self) -> None:
        """Stops it cleanly (SIGTERM), and by force where that takes too long."""
        process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """Ends it at once (SIGKILL), as a power cut of the process would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _format(self, properties: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = _PROPERTIES.format(port=self.port, controller=self._controller, data=self._folder / "data")
        text += "".join(f"{name}={value}\n" for name, value in self._settings.items())
        unfinished = properties.with_suffix(".unfinished")
        unfinished.write_text(text)
        # A letter in front: an id that begins with a dash would be read as an option.
        cluster = "T" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:21]
        told = subprocess.run(
            self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(unfinished)),
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise BrokerFailed(f"the folder could not be formatted:\n{told.stdout}{told.stderr}")
        os.rename(unfinished, properties)

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [
            *("java", f"-Xmx{HEAP_MB}m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
            *(f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}", "-cp", self._classpath, main),
            *arguments,
        ]


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether a Kafka broker on loopback answers an ApiVersions request."""
    # Length, key 18, version 0, correlation id 1, no client id: the one request that a broker answers to anybody.
    request = bytes([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(1)
            connection.sendall(request)
            return len(connection.recv(8)) == 8
    except OSError:
        return False


def _ports_of(properties: Path) -> tuple[int, int] | None:
    """The ports (broker, controller) with which a folder was formatted, or None where it was not."""
    if not properties.exists():
        return None
    broker, controller = re.findall(r"//127\.0\.0\.1:(\d+)", properties.read_text())[:2]
    return int(broker), int(controller)


def _broker_jar(jars: Path) -> Path | None:
    return next(iter(sorted(jars.glob("kafka_2.13-*.jar"))), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Resolve, run, print the address, and stop on SIGTERM or SIGINT; returns an exit status."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.kafka.local", description=__doc__)
    parser.add_argument("--resolve-only", action="store_true", help="only bring the jars here")
    parser.add_argument("--folder", type=Path, help="keep the broker's data here (a temporary folder where left out)")
    chosen = parser.parse_args(arguments)
    try:
        resolve(jars_folder())
        if chosen.resolve_only:
            sys.stdout.write(f"Apache Kafka {version()} in {jars_folder()}\n")
            return 0
        reason = why_not()
        if reason is not None:
            raise BrokerFailed(reason)
        with tempfile.TemporaryDirectory(prefix="tallystick-kafka-") as temporary:
            _serve(LocalKafka(chosen.folder or Path(temporary)))
    except BrokerFailed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    return 0


def _serve(broker: LocalKafka) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    address = broker.start()
    sys.stdout.write(f"Apache Kafka {version()} on {address}; set TALLYSTICK_BROKER=kafka://{address}\n")
    sys.stdout.flush()
    while not stop.wait(0.2):
        if not broker.running:
            raise BrokerFailed("the broker has ended by itself")
    broker.stop()


if __name__ == "__main__":
    sys.exit(main())
