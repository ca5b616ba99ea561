"""Lives through the demonstration's three years: arrivals go through the real intake into a real ledger, night by
night.

The clock is simulated so that ``recorded_at`` is when a report arrived, which is what late reporting is measured by;
with it the same seed gives the same ledger, the same root and the same scorecard on any day and any machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from contracts.faults import fault
from contracts.intake import validate
from contracts.moments import local_epoch_day
from contracts.ports import Progress
from contracts.recorded import Head, Outcome, Submission
from ops.demo import cast
from ops.demo.generate import DEFAULT_SEED, events
from ops.demo.reviewing import Freezer, HouseFreezer, held_on, review_held

if TYPE_CHECKING:
    from ops.composition import House

BATCH_EVENTS = 2_000
"""At most so many submissions in one transaction; a simulated day is shorter at the usual scale."""


class SimulatedClock:
    """A clock that stands where it was put; ``now_us`` is UTC microseconds."""

    def __init__(self, now_us: int = cast.START_US) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


class RecorderPort(Protocol):
    """The part of the ledger this module uses."""

    def record(self, submissions: Sequence[Submission]) -> list[Outcome]: ...

    def head(self) -> Head: ...


@dataclass(slots=True)
class Lived:
    """How the submissions of three years ended. The four outcomes add up to ``submitted``."""

    seed: int
    scale: float
    submitted: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    head: Head | None = None

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Add how one transaction's submissions ended."""
        self.submitted += len(outcomes)
        for outcome in outcomes:
            self.outcomes[outcome.status] += 1
            if outcome.problem is not None:
                self.codes[outcome.problem.code] += 1

    def as_dict(self) -> dict[str, Any]:
        """What the command shows: outcomes, refusals by code, and the root that the same seed must give again."""
        return {
            "seed": self.seed,
            "scale": self.scale,
            "submitted": self.submitted,
            "recorded": self.outcomes["recorded"],
            "duplicate": self.outcomes["duplicate"],
            "conflict": self.outcomes["conflict"],
            "rejected": self.outcomes["rejected"],
            "codes": dict(sorted(self.codes.items())),
            "as_of": cast.AS_OF,
            "log_index": self.head.log_index if self.head else 0,
            "root": self.head.root.hex() if self.head else "",
        }


def live(
    ledger: RecorderPort,
    clock: SimulatedClock,
    seed: int = DEFAULT_SEED,
    *,
    scale: float = 1.0,
    progress: Progress | None = None,
    freezer: Freezer | None = None,
) -> Lived:
    """Record every arrival, one transaction a day, with the clock at the day's last arrival.

    With a ``freezer`` the committee holds its reviews as well, each in a transaction of its own between two days.

    ``ledger`` must read ``clock``. Days the ledger already holds are passed over, so a run that was interrupted goes
    on where it stopped and ends with the same root. Afterwards the clock stands at the end of the period. Raises what
    the ledger raises.
    """
    sent = list(events(seed, scale=scale))
    lived = Lived(seed, scale)
    head = ledger.head()

    def record(moment_us: int, bodies: list[bytes]) -> None:
        clock.now_us = moment_us
        lived.count(ledger.record([validate(body) for body in bodies]))

    reviews = [] if freezer is None else list(held_on())
    for day in _days(sent):
        while freezer is not None and reviews and reviews[0][0] < day[-1][0]:
            moment_us, review = reviews.pop(0)
            if moment_us > head.recorded_at_us:
                record(moment_us, [review_held(review, moment_us, ledger.head().log_index, freezer)])
        # A day is one transaction, recorded at its last arrival: either all of it is there or nothing.
        if head.log_index and day[-1][0] <= head.recorded_at_us:
            continue
        record(day[-1][0], [body for _, body in day])
        if progress is not None:
            progress(lived.submitted, len(sent))
    clock.now_us = cast.END_US
    lived.head = ledger.head()
    return lived


def run(
    house: House,
    seed: int = DEFAULT_SEED,
    *,
    scale: float = 1.0,
    progress: Progress | None = None,
    rebuilding: Progress | None = None,
) -> dict[str, Any]:
    """Fill a house and build its views; returns the summary (see ``Lived.as_dict``).

    ``progress`` follows the recording and ``rebuilding`` the views. Raises TypeError where the house was not opened
    with a SimulatedClock.
    """
    clock = house.clock
    if not isinstance(clock, SimulatedClock):
        raise TypeError("a demonstration needs a house opened with a SimulatedClock")
    freezer = HouseFreezer(house)
    lived = live(house.ledger, clock, seed, scale=scale, progress=progress, freezer=freezer)
    if lived.submitted:
        house.rebuild(rebuilding)
        freezer.keep()
    else:
        house.catch_up(rebuilding)
    return lived.as_dict()


def fill(
    home: Path,
    seed: int = DEFAULT_SEED,
    *,
    scale: float = 1.0,
    progress: Progress | None = None,
    rebuilding: Progress | None = None,
) -> dict[str, Any]:
    """Make a demonstration home: its settings with the fixed ``as_of``, its ledger and its views.

    A demonstration home that is full already is left as it is, and the summary says so by having submitted nothing.
    Raises RejectedFault ``settings_invalid`` where the home holds a ledger that is no demonstration.
    """
    from ops.composition import open_house
    from ops.settings import load_settings

    if (home / "tallystick.db").exists() and load_settings(home).as_of != cast.AS_OF:
        raise fault(
            "settings_invalid", f"{home} holds a ledger that is no demonstration; choose another --home", "/as_of"
        )
    settings = load_settings(home, zone=cast.ZONE, as_of=cast.AS_OF)
    with open_house(settings=settings, clock=SimulatedClock()) as house:
        return run(house, seed, scale=scale, progress=progress, rebuilding=rebuilding)


def _days(sent: list[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """The arrivals cut at each local midnight, and where one day has more than a batch holds."""
    start = 0
    for end in range(1, len(sent) + 1):
        over = end == len(sent) or end - start >= BATCH_EVENTS
        if over or local_epoch_day(sent[end][0], cast.ZONE) != local_epoch_day(sent[start][0], cast.ZONE):
            yield sent[start:end]
            start = end
