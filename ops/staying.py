"""How a process that stays behaves: what it says when it begins, and how it ends when it is asked to.

It is here once because serve, worker and relay owe their supervisor the same: one line that says what they use, an
end that loses nothing and takes a bounded time, and a log in which no password ever stands.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ops.addresses import without_secrets
from ops.settings import Settings

END_MAX_S = 30.0
"""So long a process may take to finish what it has in hand once it is asked to end; then it ends all the same."""
OVERDUE_STATUS = 5
_FRAMEWORKS = ("faust", "mode", "aiokafka", "alembic")
"""These tell every step of their own at the level info; ``debug`` shows it."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger("tallystick.process")


class Ending:
    """Whether this process has been asked to end. Made by ``awaiting_the_end``."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._then: list[Callable[[], None]] = []

    def then(self, act: Callable[[], None]) -> None:
        """Call ``act`` when the process is asked to end: on its main thread, at once where that has happened. It must
        be quick and must not raise."""
        self._then.append(act)
        if self.asked.is_set():
            act()

    def ask(self) -> None:
        """Ask the process to end, as a signal does."""
        if not self.asked.is_set():
            self.asked.set()
            for act in list(self._then):
                act()


@contextmanager
def awaiting_the_end(end_max_s: float = END_MAX_S) -> Iterator[Ending]:
    """SIGTERM and SIGINT ask to end; a second one ends at once, and so does taking longer than ``end_max_s``.

    Call it on the main thread. The handlers that were there before come back at the exit.
    """
    ending = Ending()
    overdue: list[threading.Timer] = []

    def hear(number: int, frame: FrameType | None) -> None:
        if ending.asked.is_set():
            os._exit(128 + number)
        timer = threading.Timer(end_max_s, _overdue, [end_max_s])
        timer.daemon = True
        timer.start()
        overdue.append(timer)
        ending.ask()

    before = {number: signal.signal(number, hear) for number in SIGNALS}
    try:
        yield ending
    finally:
        for timer in overdue:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _overdue(end_max_s: float) -> None:
    sys.stderr.write(f"error closing: not ended within {end_max_s:g} s of being asked; what was acknowledged is kept\n")
    sys.stderr.flush()
    os._exit(OVERDUE_STATUS)


def begin_log(settings: Settings) -> None:
    """Write the log to standard error from now on, from ``log_level`` up, a line a message, without passwords."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    if settings.log_level == "info":
        for told_at_length in _FRAMEWORKS:
            logging.getLogger(told_at_length).setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def start_line(process: str, settings: Settings, **used: Any) -> str:
    """One line of ``name=value`` pairs: which process this is and what it uses. Passwords are left out."""
    said: dict[str, Any] = {"process": process, "pid": os.getpid(), "database": settings.database_told or settings.home}
    if settings.broker is not None:
        said |= {"broker": settings.broker, "topics": f"{settings.topic_prefix}.*"}
    said |= {"zone": settings.zone} | {name: value for name, value in used.items() if value is not None}
    return "started " + " ".join(f"{name}={_word(value)}" for name, value in said.items())


def _word(value: Any) -> str:
    text = str(value)
    return f'"{text}"' if " " in text or not text else text
