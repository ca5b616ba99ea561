"""Random sets of events for the laws: every family, ties in time, unknown times, corrections of every kind.

``recorded_at`` is a function of the event, so that the tables about reporting can be compared too when the
same set arrives in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from contracts.catalogue import CATALOGUE
from contracts.recorded import Recorded
from tests.projections.fake_log import recorded
from tests.projections.random_payloads import AGENCIES, FAMILIES

ZONE = "America/Los_Angeles"
SOURCES = ("//county/cad", "//lakeside/records")
DAY_US = 86_400_000_000
# Around the change to summer time in 2025, and few enough that many events fall on the same moment.
TIMES = tuple(1_741_500_000_000_000 + step * DAY_US // 3 for step in range(6))


@dataclass(frozen=True)
class Draft:
    """An event before it has a place in the log."""

    number: int
    type: str
    data: dict[str, Any]
    time_us: int | None
    source: str
    agency: str
    recorded_at_us: int
    supersedes: str | None
    subject: str | None


@st.composite
def drafts(draw: st.DrawFn, *, most: int = 24, families: Sequence[str] = tuple(FAMILIES)) -> list[Draft]:
    """A set of events about a few families with distinct identities, some of them superseding others, before or
    after their targets."""
    size = draw(st.integers(1, most))
    about = draw(st.lists(st.sampled_from(families), min_size=1, max_size=3, unique=True))
    payloads = st.one_of(*(payload for family in about for payload in FAMILIES[family]))
    speakers = draw(st.lists(st.sampled_from(AGENCIES), min_size=size, max_size=size))
    found = []
    for number in range(size):
        kind = draw(st.integers(0, 9))
        source = draw(st.sampled_from(SOURCES))
        supersedes = subject = None
        # The target may come later in the list, be of another source or agency (then nothing is superseded), or
        # not exist.
        target = f"e{draw(st.integers(0, size))}"
        if kind == 0 and target != f"e{number}":
            verb = draw(st.sampled_from(("record.voided", "record.corrected")))
            type, data = verb, {"supersedes": target, "reason": "wrong"}
            subject = draw(st.sampled_from(("call/c-1", "record/x")))
        else:
            type, data = draw(payloads)
            if kind in (1, 2) and target != f"e{number}" and not _is_decision(type):
                supersedes = target
        aimed = int(target[1:])
        if (supersedes or "supersedes" in data) and aimed < size and draw(st.integers(0, 3)):
            speakers[number] = speakers[aimed]
        found.append(
            Draft(
                number,
                type,
                data,
                draw(st.sampled_from((None, *TIMES))),
                source,
                speakers[number],
                TIMES[0] + draw(st.integers(0, 30)) * DAY_US // 2,
                supersedes,
                subject,
            )
        )
    return found


def _is_decision(type: str) -> bool:
    return CATALOGUE.newest(type).kind == "decision"


def log_of(found: Sequence[Draft]) -> list[Recorded]:
    """The events in this order, as the ledger would have recorded them."""
    return [
        recorded(
            log_index,
            draft.type,
            draft.data,
            id=f"e{draft.number}",
            source=draft.source,
            agency=draft.agency,
            subject=draft.subject,
            time_us=draft.time_us,
            recorded_at_us=draft.recorded_at_us,
            supersedes=draft.supersedes,
        )
        for log_index, draft in enumerate(found, start=1)
    ]


def moved(event: Recorded, log_index: int) -> Recorded:
    """The same event at another place in the log."""
    return replace(event, log_index=log_index)
