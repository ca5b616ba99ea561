"""How a command opens its home, whatever another process is doing with it.

A command that only reads brings the views up to date when it may write, and otherwise reads what is there and
says how far that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli.output import note
from ops.cli.progress import Meter

if TYPE_CHECKING:
    from ops.composition import House


@contextmanager
def writing(home: Path | None) -> Iterator[House]:
    """A house that holds the writer lock, created when it is new."""
    from ops.composition import open_house

    with open_house(home, writable=True) as house:
        yield house


@contextmanager
def reading(home: Path | None) -> Iterator[House]:
    """A house whose views are current where possible. Raises the fault ``home_missing``."""
    from ops.composition import open_house

    with open_house(home, writable=None) as house:
        if house.writable:
            with Meter("Applying events") as meter:
                house.catch_up(meter)
        else:
            note(f"Another process writes to {house.home}. {house.standing().sentence()}")
        yield house


@contextmanager
def reading_as_is(home: Path | None) -> Iterator[House]:
    """A house that leaves everything as it is: for what stands in the log itself. Raises ``home_missing``."""
    from ops.composition import open_house

    with open_house(home, writable=False) as house:
        yield house
