"""The commitments of the demonstration's memorandum: who promised what to whom, and how well it is lived up to.

They stand apart from how they are told, so that a reader can see at a glance what was planted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from ops.demo.cast import CRISIS, HOSPITAL, HOUSING, OPEN_DOOR, POLICE, SCHOOLS, Voice


@dataclass(frozen=True, slots=True)
class Promise:
    """A commitment and how it is lived up to: the shares delivered on time and late, and disputed by the other side."""

    id: str
    clause: str
    obligor: Voice
    obligee: Voice
    deliverable: str
    quantity: int
    unit: str
    every: str | None
    on_time: float
    late: float
    disputed: float = 0.0
    due: date | None = None
    late_days: int = 0
    waived: bool = False


PROMISES: Final = (
    Promise(
        "cit-seats",
        "3.1",
        CRISIS,
        POLICE,
        "Seats in crisis intervention training",
        24,
        "seats",
        "quarter",
        0.96,
        0.04,
    ),
    Promise(
        "observation-beds",
        "3.2",
        HOSPITAL,
        CRISIS,
        "Observation beds kept free for the team",
        60,
        "bed nights",
        "month",
        0.86,
        0.10,
        0.04,
    ),
    Promise(
        "housing-units",
        "3.3",
        HOUSING,
        CRISIS,
        "Units for people leaving a crisis",
        6,
        "units",
        "quarter",
        0.50,
        0.25,
        0.3,
    ),
    Promise(
        "call-extract",
        "4.1",
        POLICE,
        HOSPITAL,
        "Monthly extract of behavioural-health calls",
        1,
        "extract",
        "month",
        0.97,
        0.03,
    ),
    Promise(
        "school-liaison",
        "4.2",
        SCHOOLS,
        CRISIS,
        "Hours of a liaison in the schools",
        40,
        "hours",
        "month",
        0.88,
        0.08,
    ),
    Promise(
        "outcome-list",
        "4.3",
        OPEN_DOOR,
        HOUSING,
        "List of outcomes of shared clients",
        1,
        "list",
        "quarter",
        0.6,
        0.3,
    ),
    Promise(
        "team-vehicle",
        "5.1",
        POLICE,
        CRISIS,
        "A vehicle for the mobile team",
        1,
        "vehicle",
        None,
        1.0,
        0.0,
        due=date(2023, 9, 30),
    ),
    Promise(
        "sobering-site",
        "5.2",
        HOSPITAL,
        POLICE,
        "A sobering site open around the clock",
        1,
        "site",
        None,
        0.0,
        1.0,
        1.0,
        due=date(2024, 6, 30),
        late_days=41,
    ),
    Promise(
        "campus-protocol",
        "5.3",
        SCHOOLS,
        CRISIS,
        "A joint protocol for calls from campus",
        1,
        "protocol",
        None,
        0.0,
        0.0,
        due=date(2025, 3, 31),
        waived=True,
    ),
)
