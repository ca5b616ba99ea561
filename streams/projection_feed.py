"""What a worker does with messages of the topic of events: decoded, sorted out by partition, handed to the line.

Here so that the line need not know messages, nor the framework partitions. A message that cannot be read is passed
over, because what it stood for is in the log: the next one of its partition, or whoever looks after partitions that
stand still, finds it missing. A partition whose brake is applied waits, and holds up neither the others nor the intake
of the same process: it is the projection that is broken, and another process would stop at the same event.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence

from contracts.faults import UnavailableFault, fault
from contracts.kafka_binding import Message, Published, published
from contracts.partitioning import partition_of
from streams.partition_line import PartitionLine


class ProjectionFeed:
    """The handler of the projection agent. ``handle`` returns once everything is committed that can be, and may be
    called again."""

    def __init__(
        self, line: PartitionLine, *, retry_every_s: float = 10.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._line = line
        self._retry_every_s = retry_every_s
        self._monotonic = monotonic
        self._upto: dict[int, int] = {}
        self._retry_at_s: dict[int, float] = {}
        self.applied = 0
        """Messages whose events are applied or parked, repeats counted; not those that came while their partition
        waited."""
        self.unreadable = 0
        """Messages passed over because they could not be read."""

    @property
    def waiting(self) -> frozenset[int]:
        """The partitions whose brake is applied, as far as this worker knows."""
        return frozenset(self._upto)

    def handle(self, messages: Sequence[Message]) -> frozenset[int]:
        """Applies a batch of messages of any partitions; returns the partitions that wait, whose messages must not be
        acknowledged yet.

        One that waits is tried again from the log, with the first batch of any partition after ``retry_every_s``; it
        then has everything that came meanwhile. Raises as ``PartitionLine.take_many``.
        """
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
        coming = {}
        for partition, some in sorted(by_partition.items()):
            if partition in self._upto:
                self._wait(partition, some)
            else:
                coming[partition] = some
        if coming:
            self._take(coming)
        self._retry()
        return self.waiting

    def _take(self, coming: Mapping[int, Sequence[Published]]) -> None:
        standing = self._line.take_many(coming)
        for partition, some in coming.items():
            if (stopped := standing.get(partition)) is None:
                self.applied += len(some)
                continue
            logging.getLogger(__name__).error("partition %s waits: %s", partition, stopped.problem.detail)
            self._wait(partition, some)
            self._retry_at_s[partition] = self._monotonic() + self._retry_every_s

    def _wait(self, partition: int, some: Sequence[Published]) -> None:
        self._upto[partition] = max(self._upto.get(partition, 0), *(one.event.log_index for one in some))

    def _retry(self) -> None:
        for partition, upto in sorted(self._upto.items()):
            if self._monotonic() < self._retry_at_s[partition]:
                continue
            try:
                self._line.catch_up(partition, upto)
            except UnavailableFault as stopped:
                if stopped.problem.code != "projection_stopped":
                    raise
                self._retry_at_s[partition] = self._monotonic() + self._retry_every_s
            else:
                logging.getLogger(__name__).warning("partition %s goes on", partition)
                del self._upto[partition], self._retry_at_s[partition]

    def _read(self, message: Message) -> Published:
        found = published(message.headers, message.value)
        if partition_of(found.event.subject, self._line.partitions) != message.partition:
            raise fault("message_unreadable", f"{found.event.subject} does not belong on this partition")
        return found
