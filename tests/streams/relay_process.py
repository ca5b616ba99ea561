"""A relay in a process of its own, for tests that end it with SIGKILL."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from streams.kafka.relay import Relay
from streams.kafka.topics import Topic
from tests.projections.fake_log import FakeLog, MemoryStore
from tests.streams.kafka_world import PARTITIONS, brokers, recorded_events


def main() -> None:
    path, address, topic, count, holder = sys.argv[1:]
    relay = Relay(
        FakeLog(recorded_events(int(count))),
        MemoryStore(Path(path)),
        brokers(address),
        Topic(topic, PARTITIONS, fixed=True),
        holder=holder,
        clock=lambda: time.time_ns() // 1000,
        lease_s=2,
        batch_events=5,
        # Slow enough to be met in the middle of its work, wherever that is.
        step=lambda name: time.sleep(0.005),
    )
    relay.run()


if __name__ == "__main__":
    main()
