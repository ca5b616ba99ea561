"""A flood over Kafka: each topic has an agent of its own at the line, and the command fails where its line says what
it must not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.kafka_binding import Message
from ops.metrics import Metrics
from ops.settings import load_settings
from ops.torture.judge import Findings
from ops.torture.kafka_flood import STEADY, Outcome, Shape, failures
from ops.working import _intake_group


def test_each_topic_has_an_agent_of_its_own_so_that_a_flood_is_only_before_itself(tmp_path: Path) -> None:
    handled: list[Any] = []
    topics = ("l.intake", "l.from-harbor", "l.from-flood")
    taking_in: Any = SimpleNamespace(topics=topics, line=SimpleNamespace(handle=handled.append))
    metrics = Metrics()
    group = _intake_group(load_settings(tmp_path), taking_in, metrics)
    assert [(topic,) for topic in topics] == [feed.topics for feed in group.feeds]
    assert len(topics) == len({feed.name for feed in group.feeds})
    for feed in group.feeds:
        feed.handle([Message(feed.topics[0], 0, 0, b"k", b"{}", [])])
    assert list(topics) == [messages[0].topic for messages in handled]


def _seen(**changed: object) -> Outcome:
    """An outcome without a fault, but for what is changed."""
    sound = Outcome(
        broker="Apache Kafka",
        shape=Shape(seconds=10.0),
        sustainable_per_s=1_000.0,
        offered_per_s=10_000.0,
        recorded_of_flood=10_000,
        waiting=90_000,
        left=0,
        through=dict.fromkeys(STEADY, 1.0),
        late_s=(0.1, 0.2),
        idle_bytes=100,
        peak_bytes=200,
        missing=0,
        foreign=0,
        findings=Findings(acknowledged=9),
    )
    return replace(sound, **changed)  # type: ignore[arg-type]


def test_a_sound_outcome_has_no_failures() -> None:
    assert [] == failures(_seen())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"offered_per_s": 5_000.0}, "only 5.0 x"),
        ({"waiting": 0}, "this was no flood"),
        ({"peak_bytes": 2**40}, "memory grew"),
        ({"through": {STEADY[0]: 0.89}}, "was starved"),
        ({"findings": Findings()}, "nothing was acknowledged"),
        ({"missing": 1}, "not in the log"),
        ({"foreign": 1}, "nobody sent"),
        ({"findings": Findings(acknowledged=9, doubled=1)}, "counted twice"),
    ],
)
def test_the_command_fails_when_a_line_says_what_it_must_not(changed: dict[str, object], reason: str) -> None:
    (only,) = failures(_seen(**changed))
    assert reason in only
