"""Reads the log in bounded batches, in order, without passing over anything.

Here because a wake-up can be lost and a reader can be wrong: whoever waits also polls, and whoever reads
checks that the next batch begins where the last one ended.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from contracts.faults import fault
from contracts.ports import LogReader
from contracts.recorded import Recorded


class Subscription:
    """A place from which to read on. ``wake`` may be called from any thread, the rest from one."""

    def __init__(self, reader: LogReader, *, limit: int, poll_s: float = 1.0) -> None:
        """``limit`` events a batch at most; ``poll_s`` is the longest wait for a wake-up that may never
        come."""
        if limit < 1:
            raise ValueError("a batch holds at least one event")
        self._reader = reader
        self._limit = limit
        self._poll_s = poll_s
        self._woken = threading.Event()

    def after(self, log_index: int) -> Sequence[Recorded]:
        """The next batch, empty at the head. Raises the fault ``integrity_broken`` where the log has a
        hole."""
        batch = self._reader.after(log_index, self._limit)
        for expected, event in enumerate(batch, start=log_index + 1):
            if event.log_index != expected:
                raise fault(
                    "integrity_broken",
                    f"The log answered event {event.log_index} where {expected} comes next.",
                    expected=expected,
                    found=event.log_index,
                )
        return batch

    def wake(self) -> None:
        """Says that there may be more to read."""
        self._woken.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Returns on a wake-up, and after ``poll_s`` (or ``timeout_s``, if that is less) all the same."""
        self._woken.wait(self._poll_s if timeout_s is None else min(self._poll_s, timeout_s))
        self._woken.clear()
