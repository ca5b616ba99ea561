"""What a worker does with messages of the topic of events: decoded, sorted out by partition, handed to the line.

Here so that the line need not know messages, nor the framework partitions. A message that cannot be read is passed
over, because what it stood for is in the log: the next one of its partition, or whoever looks after partitions that
stand still, finds it missing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from contracts.faults import UnavailableFault, fault
from contracts.kafka_binding import Message, Published, published
from contracts.partitioning import partition_of
from streams.partition_line import PartitionLine


class ProjectionFeed:
    """The handler of the projection agent. ``handle`` returns once everything is committed, and may be called again."""

    def __init__(self, line: PartitionLine) -> None:
        self._line = line
        self.applied = 0
        """Messages handed to the line, repeats counted."""
        self.unreadable = 0
        """Messages passed over because they could not be read."""

    def handle(self, messages: Sequence[Message]) -> None:
        """Applies a batch of messages of any partitions. Raises as ``PartitionLine.take``."""
        by_partition: dict[int, list[Published]] = {}
        for message in messages:
            try:
                found = self._read(message)
            except UnavailableFault as refused:
                self.unreadable += 1
                logging.getLogger(__name__).warning(
                    "a message was passed over: %s/%s at %s: %s",
                    message.topic,
                    message.partition,
                    message.offset,
                    refused.problem.detail,
                )
            else:
                by_partition.setdefault(message.partition, []).append(found)
        for partition, some in sorted(by_partition.items()):
            self._line.take(partition, some)
            self.applied += len(some)

    def _read(self, message: Message) -> Published:
        found = published(message.headers, message.value)
        if partition_of(found.event.subject, self._line.partitions) != message.partition:
            raise fault("message_unreadable", f"{found.event.subject} does not belong on this partition")
        return found
