"""How a command opens its home, whatever another process is doing with it.

A command that only reads brings the views up to date when it may write, and otherwise reads what is there and
says how far that is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.faults import UnavailableFault
from ops.cli.output import note
from ops.cli.progress import Meter

if TYPE_CHECKING:
    from ops.composition import House


LOCK_WAIT_S = 4.0
"""So long a command that writes waits for the writer lock: longer than a reading command usually holds it."""
_LOCK_LOOK_S = 0.1


def patiently(opening: Callable[[], House]) -> House:
    """What ``opening`` opens, tried again for a few seconds where another process holds the writer lock.

    A reading command or a short recording gives it back in that time; raises ``home_in_use`` where it is held longer.
    """
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return opening()
        except UnavailableFault as held:
            if held.problem.code != "home_in_use" or time.monotonic() >= until:
                raise
        time.sleep(_LOCK_LOOK_S)


@contextmanager
def writing(home: Path | None) -> Iterator[House]:
    """A house that holds the writer lock, created when it is new. Waits a little for a lock that is held."""
    from ops.composition import open_house

    with patiently(lambda: open_house(home, writable=True)) as house:
        yield house


@contextmanager
def writing_there(home: Path | None) -> Iterator[House]:
    """As ``writing``, in a home that is there already. Raises the fault ``home_missing``.

    For what only makes sense where something was recorded: a home that is not there is one whose name was mistyped.
    """
    with reading_as_is(home):
        pass
    with writing(home) as house:
        yield house


@contextmanager
def unless_in_use() -> Iterator[None]:
    """Leaves the views as they are, and says so, where another process builds those that are read."""
    try:
        yield
    except UnavailableFault as held:
        if held.problem.code != "views_in_use":
            raise
        note(held.problem.detail)


@contextmanager
def reading(home: Path | None) -> Iterator[House]:
    """A house for reading whose views are current where possible. Raises the fault ``home_missing``.

    The writer lock is held only while the views catch up, so that looking at a number keeps no one from recording.
    """
    from ops.composition import open_house

    with open_house(home, writable=None) as house:
        beside_a_writer = not house.writable
        if not beside_a_writer:
            with unless_in_use(), Meter("Applying events") as meter:
                house.catch_up(meter)
    with open_house(home, writable=False) as house:
        if beside_a_writer:
            note(f"Another process writes to {house.home}. {house.standing().sentence()}")
        yield house


@contextmanager
def reading_as_is(home: Path | None) -> Iterator[House]:
    """A house that leaves everything as it is: for what stands in the log itself. Raises ``home_missing``."""
    from ops.composition import open_house

    with open_house(home, writable=False) as house:
        yield house
