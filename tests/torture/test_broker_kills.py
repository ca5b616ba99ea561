"""A broker that is stopped and killed under load: what was acknowledged is in the log once, and the views agree."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ops.torture import broker
from ops.torture.broker import BY_HTTP, Outcome, Shape, failures
from ops.torture.judge import Findings
from tests.servers.broker import skip_without
from tests.servers.postgres import PostgresServer

SHORT = Shape(seconds=6.0, workers=1, relays=1, down_max_s=0.5, up_max_s=2.0, settle_s=120.0)


@pytest.fixture
def quiet() -> Iterator[None]:
    """The client's own log: it says with every attempt that the broker is away."""
    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    yield
    log.setLevel(before)


@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_apache_kafka_stopped_and_killed_under_load_loses_nothing_and_counts_nothing_twice(
    postgres_server: PostgresServer,
) -> None:
    skip_without("apache")
    address = postgres_server.fresh()
    try:
        outcome = broker.run(SHORT, address, seed=1)
    finally:
        postgres_server.drop(address)
    assert [] == failures(outcome), outcome.line()
    assert outcome.stops >= 1
    assert outcome.kills >= 1
    assert outcome.by_http + outcome.by_kafka == outcome.head


def _seen(**changed: object) -> Outcome:
    """An outcome without a fault, but for what is changed."""
    sound = Outcome(
        broker="Apache Kafka",
        shape=SHORT,
        stops=1,
        kills=1,
        restarts=0,
        through=dict.fromkeys(BY_HTTP, 1.0),
        by_http=10,
        by_kafka=10,
        receipts=10,
        missing=0,
        foreign=0,
        findings=Findings(acknowledged=20),
        settled_s=1.0,
        head=20,
        rows=20,
        cells=1,
        differences=(),
        quarantined=0,
    )
    return replace(sound, **changed)  # type: ignore[arg-type]


def test_a_sound_outcome_has_no_failures() -> None:
    assert [] == failures(_seen())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"kills": 0}, "killed 0 times"),
        ({"by_http": 0}, "nothing was acknowledged"),
        ({"receipts": 9}, "only 9 have a receipt"),
        ({"missing": 1}, "1 events that the broker acknowledged are not in the log"),
        ({"foreign": 1}, "1 events are in the log that nobody sent"),
        ({"findings": Findings(acknowledged=20, lost=1)}, "something was lost"),
        ({"findings": Findings(acknowledged=20, doubled=1)}, "counted twice"),
        ({"through": {BY_HTTP[0]: 0.5}}, "suffered from the broker"),
        ({"settled_s": None}, "did not come to the end"),
        ({"cells": None}, "could not be compared"),
        ({"differences": ("calls c-1: missing",)}, "a view differs from the log: calls c-1"),
        ({"quarantined": 1}, "in quarantine"),
    ],
)
def test_the_command_fails_when_a_line_says_what_it_must_not(changed: dict[str, object], reason: str) -> None:
    (only,) = failures(_seen(**changed))
    assert reason in only
