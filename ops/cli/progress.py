"""Progress of anything that takes longer than a second, on standard error.

Short commands stay silent: the bar appears only once a second has gone by, and a log file gets a plain
line now and then instead of a bar.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

PATIENCE_S = 1.0
_LINE_EVERY_S = 5.0


class Meter:
    """``with Meter("Recording") as meter: meter(done, total)``; ``total`` may be None where it is not
    known.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._started_s = time.monotonic()
        self._last_line_s = self._started_s
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show how far the work is. Cheap while it is young."""
        now_s = time.monotonic()
        if now_s - self._started_s < PATIENCE_S:
            return
        if not self._terminal:
            if now_s - self._last_line_s >= _LINE_EVERY_S:
                self._last_line_s = now_s
                of = "" if total is None else f" of {total:,}"
                sys.stderr.write(f"{self.title}: {done:,}{of}\n")
            return
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self.title, total=total)
            self._bar.start()
        assert self._task is not None
        self._bar.update(self._task, completed=done, total=total)
