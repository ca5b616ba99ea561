"""The in-process line of whichever generation of views is live: it changes over when another one becomes that.

Here because views are built anew beside those that are read, often by another process: whoever follows the log has to
notice that what it drives is read no longer, and views that were made from another log or by another version are made
again in a generation of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from contracts.faults import Fault, fault
from contracts.ports import Generations, LogReader, Progress, Store, views_name
from streams.lag import Lag, measure
from streams.place import NOWHERE, place, shared_places, wrong_log
from streams.runner import PASSING, Replayed, Runner

Clock = Callable[[], int]
MakeRunner = Callable[[int, Store], Runner]
"""Makes the runner of a generation, given its number and store."""


class LiveLine:
    """Drives the live generation. Methods may be called from any thread, also while it follows on its own."""

    def __init__(
        self,
        generations: Generations,
        reader: LogReader,
        make: MakeRunner,
        *,
        version: str,
        clock: Clock,
        poll_s: float = 1.0,
        moved: threading.Condition,
    ) -> None:
        """``version`` is what the runners' projector makes; ``moved`` is the condition that the runners tell of every
        change of their position."""
        self._generations = generations
        self._reader = reader
        self._make = make
        self._version = version
        self._clock = clock
        self._poll_s = poll_s
        self._moved = moved
        self._turn = threading.RLock()
        self._number = 0
        self._runner: Runner | None = None
        self._looked: set[tuple[int, bool]] = set()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._following = False
        self.fault: BaseException | None = None
        """Why the line stands still or stumbles; None while all is well."""

    # What may be read in any process

    def name(self) -> str:
        """The name of the live generation's projector."""
        return views_name(self._generations.live())

    def position(self) -> int:
        """The last log_index that the live views hold; 0 before the first."""
        with self._generations.live_store().read() as connection:
            return place(connection, self.name()).log_index

    def lag(self) -> Lag:
        """How far the live views are behind the log."""
        return measure(self._reader, self.position(), self._clock())

    # What only the process that writes may do

    def prepare(self) -> None:
        """Makes the first generation where there is none; begins another one, live at once, where those there are were
        made from another log, by another version or by workers that share partitions; makes the tables of the one that
        is live."""
        self._current().prepare()

    def step(self) -> int:
        """See ``Runner.step``."""
        return self._current().step()

    def catch_up(self, progress: Progress | None = None) -> int:
        """See ``Runner.catch_up``."""
        return self._current().catch_up(progress)

    def replay(self, key: str | None = None) -> Replayed:
        """See ``Runner.replay``. Also for views whose partitions workers share: where those are not to be gone on with,
        the fault ``views_behind`` is raised."""
        return self._current(shared=True).replay(key)

    # On a thread

    def start(self) -> None:
        """Follows the log on a thread until ``stop``. Idempotent."""
        if self._thread is None:
            self._stopping.clear()
            self._following = True
            self._thread = threading.Thread(target=self._run, name="line-views", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Says that something was recorded. Cheap, from any thread."""
        runner = self._runner
        if runner is not None:
            runner.wake()

    def stop(self) -> None:
        """Ends the thread after the batch it is in."""
        if self._thread is not None:
            self._stopping.set()
            self.wake()
            self._thread.join()
            self._thread = None

    def alive(self) -> bool:
        """Whether its thread follows the log; it lives on while the line stands still, waiting for other views."""
        return self._following and self._thread is not None and self._thread.is_alive()

    def wait_for(self, log_index: int, timeout_s: float) -> bool:
        """Waits until the position has reached ``log_index``, or the line stands still; whether it has."""
        until_s = time.monotonic() + timeout_s
        while (reached := self.position()) < log_index and self.alive():
            with self._moved:
                if not self._moved.wait(min(0.1, max(0.0, until_s - time.monotonic()))) and time.monotonic() >= until_s:
                    break
        return max(reached, self.position()) >= log_index

    # Inside

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._follow_one()
        finally:
            self._following = False
            with self._moved:
                self._moved.notify_all()

    def _follow_one(self) -> None:
        """Follows with the live generation's runner until another one is live, or there is no going on."""
        try:
            runner = self._current()
        except Fault as found:
            self.fault = found
            self._following = found.problem.code in PASSING
            self._stopping.wait(self._poll_s)
            return
        except Exception as error:  # noqa: BLE001 - kept for those who ask why the line stands still
            self.fault = error
            self._following = False
            self._stopping.wait(self._poll_s)
            return
        number = self._number
        self._following, self.fault = True, None

        def leave() -> bool:
            self.fault = runner.fault
            return self._stopping.is_set() or self._generations.live() != number

        runner.follow(leave)
        self.fault = runner.fault
        while not leave():
            # It stands still for good. Views that are built anew may go on.
            self._following = False
            with self._moved:
                self._moved.notify_all()
            self._stopping.wait(self._poll_s)

    def _current(self, *, shared: bool = False) -> Runner:
        """The runner of what is live now, after giving up what was; ``shared`` where views are as good whose partitions
        stand at different places."""
        with self._turn:
            number = self._generations.live()
            if (number, shared) not in self._looked:
                number = self._fitting(number, shared)
                self._looked.add((number, shared))
            if self._runner is None or number != self._number:
                if self._number:
                    self._generations.release(self._number)
                self._runner = self._make(number, self._generations.store(number))
                self._number = number
            return self._runner

    def _fitting(self, number: int, shared: bool) -> int:
        """The live generation, or a new one where there is none or it cannot be gone on with."""
        if number:
            with self._generations.store(number).read() as connection:
                found = place(connection, views_name(number))
                divided = bool(shared_places(connection, views_name(number)))
            fits = found == NOWHERE or (found.version == self._version and not wrong_log(found, self._reader))
            # One line cannot go on where partitions stand at different places: it would count events twice.
            if fits and (shared or not divided):
                return number
            if divided and shared:
                raise fault(
                    "views_behind",
                    f"generation {number} was made from another log or by another version",
                    hint="Run tallystick rebuild.",
                )
        made = self._generations.begin(self._version)
        live = self._generations.live()
        if live == number:
            # Nobody may read what is there, so readers wait for the new ones and see how far those are.
            self._generations.switch(made)
            return made
        if live != made:
            # Another process came first.
            self._generations.drop(made)
        return live
