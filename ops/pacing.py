"""Recording comes before counting: while events pour in, the views take only a share of the machine.

Views and log share one writing connection and one interpreter, so a runner that follows every commit at once slows
the senders down several times over. Paced, it takes fewer and larger batches; when the rush is over it runs freely.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from contracts.ports import HotColumns, LogReader
from contracts.recorded import Gist, Head, Recorded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RUSH_S = 0.1
"""Recording is in a rush while the last commit is younger than this."""
REST_PER_WORK = 19.0
"""In a rush the views rest so many times as long as they last worked: a twentieth of the time is theirs."""
REST_MAX_S = 10.0


class Pace:
    """Decides how long the runner rests before it takes the next batch. Off until ``start``.

    ``monotonic_s`` is a clock that never goes back; ``rest`` waits so many seconds or until it is cut short.
    """

    def __init__(
        self,
        interval_s: float,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
        rest: Callable[[float], object] | None = None,
    ) -> None:
        self._interval_s = interval_s
        self._monotonic_s = monotonic_s
        self._stopped = threading.Event()
        self._rest = rest or self._stopped.wait
        self._active = False
        self._committed_s = float("-inf")
        self._handed_s: float | None = None

    def start(self) -> None:
        """From now on a runner follows on a thread of its own."""
        self._stopped.clear()
        self._active = True

    def stop(self) -> None:
        """Cut a rest short and rest no more."""
        self._active = False
        self._stopped.set()

    def committed(self) -> None:
        """Something was recorded just now. Cheap; from any thread."""
        self._committed_s = self._monotonic_s()

    def before_batch(self) -> None:
        """Rest as long as the rush asks for, and no longer than it lasts. Called by the runner, holding nothing."""
        if self._handed_s is None:
            return
        now_s = self._monotonic_s()
        worked_s = now_s - self._handed_s
        until_s = now_s + min(REST_MAX_S, max(self._interval_s, REST_PER_WORK * worked_s))
        while self._active and now_s < until_s and now_s - self._committed_s <= RUSH_S:
            self._rest(min(RUSH_S, until_s - now_s))
            now_s = self._monotonic_s()

    def after_batch(self, events: int) -> None:
        """A batch was handed out; the work on it begins now."""
        self._handed_s = self._monotonic_s() if events else None


class PacedReader:
    """The log as the runner reads it: ``after`` rests first where the pace asks for it."""

    def __init__(self, reader: LogReader, pace: Pace) -> None:
        self._reader = reader
        self._pace = pace

    def after(self, log_index: int, limit: int) -> Sequence[Recorded]:
        """As the log's, after a rest in a rush."""
        self._pace.before_batch()
        found = self._reader.after(log_index, limit)
        self._pace.after_batch(len(found))
        return found

    def head(self) -> Head:
        """As the log's."""
        return self._reader.head()

    def at(self, log_indexes: Sequence[int]) -> Sequence[Recorded]:
        """As the log's."""
        return self._reader.at(log_indexes)

    def by_subject(self, subjects: Sequence[str], upto: int) -> Sequence[Recorded]:
        """As the log's."""
        return self._reader.by_subject(subjects, upto)

    def about(self, subjects: Sequence[str], upto: int) -> Sequence[int]:
        """As the log's."""
        return self._reader.about(subjects, upto)

    def gists(self, log_indexes: Sequence[int]) -> Sequence[Gist]:
        """As the log's."""
        return self._reader.gists(log_indexes)

    def by_identity(self, identities: Sequence[tuple[str, str]], upto: int) -> Sequence[Recorded]:
        """As the log's."""
        return self._reader.by_identity(identities, upto)

    def search(
        self,
        *,
        after: int,
        limit: int,
        upto: int,
        subject: str | None = None,
        topics: Sequence[str] | None = None,
        agency: str | None = None,
    ) -> Sequence[Recorded]:
        """As the log's."""
        return self._reader.search(after=after, limit=limit, upto=upto, subject=subject, topics=topics, agency=agency)

    def upto_moment(self, moment_us: int) -> int:
        """As the log's."""
        return self._reader.upto_moment(moment_us)

    def hot_columns(self, after: int, upto: int) -> HotColumns:
        """As the log's."""
        return self._reader.hot_columns(after, upto)

    def names(self) -> dict[int, str]:
        """As the log's."""
        return self._reader.names()

    def bodies(self, log_indexes: npt.NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """As the log's."""
        return self._reader.bodies(log_indexes)
