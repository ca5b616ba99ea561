"""The demonstration's memorandum and what became of its commitments, and the indicators published from outside.

A promise is only accountable if both halves speak: here most are kept, some late, some never, some disputed by the
other side and one waived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from random import Random
from typing import Any, Final

from ops.demo import cast
from ops.demo.cast import CRISIS, DAY_US, HOSPITAL, HOUSING, OPEN_DOOR, POLICE, SCHOOLS, Voice
from ops.demo.pen import Pen
from ops.demo.plan import Minutes, moment_us

_UNTIL: Final = date(2025, 12, 31)


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


def tell_promises(pen: Pen, random: Random) -> None:
    """The agreements, their commitments, and what both sides said about every delivery."""
    minutes = Minutes(pen)
    minutes.on(date(2023, 1, 16))
    everyone = [voice.agency for voice in cast.AGENCIES]
    minutes.write(
        "agreement.signed",
        f"agreement/{cast.MOU}",
        {
            "agreement": cast.MOU,
            "kind": "mou",
            "parties": everyone,
            "effective": "2023-01-16",
            "expires": "2026-12-31",
            "text_sha256": sha256(b"Larkmoor memorandum of understanding, 2023").hexdigest(),
        },
    )
    minutes.write(
        "agreement.signed",
        f"agreement/{cast.DSA}",
        {
            "agreement": cast.DSA,
            "kind": "dsa",
            "parties": everyone,
            "effective": "2023-01-16",
            "expires": "2025-12-31",
        },
    )
    for promise in PROMISES:
        minutes.write("commitment.made", f"commitment/{promise.id}", _made(promise))
    minutes.on(date(2024, 11, 4))
    minutes.write(
        "agreement.amended",
        f"agreement/{cast.DSA}",
        {
            "agreement": cast.DSA,
            "expires": "2026-12-31",
            "reason": "Extended by a year.",
        },
    )
    for promise in PROMISES:
        for period, last_day in _periods(promise):
            _deliver(pen, random, promise, period, last_day)
    _indicators(pen, random)


def _made(promise: Promise) -> dict[str, Any]:
    data: dict[str, Any] = {
        "commitment": promise.id,
        "agreement": cast.MOU,
        "clause": promise.clause,
        "obligor": promise.obligor.agency,
        "obligee": promise.obligee.agency,
        "deliverable": promise.deliverable,
        "quantity": promise.quantity,
        "unit": promise.unit,
    }
    if promise.due is not None:
        data["due"] = promise.due.isoformat()
    else:
        data["recurrence"] = {"every": promise.every, "from": "2023-04-01", "until": _UNTIL.isoformat()}
    return data


def _periods(promise: Promise) -> list[tuple[str | None, date]]:
    """(period, its last day) of every delivery that is owed; a commitment owed once has no period."""
    if promise.due is not None:
        return [(None, promise.due)]
    months = 1 if promise.every == "month" else 3
    found: list[tuple[str | None, date]] = []
    for year in (2023, 2024, 2025):
        for month in range(months, 13, months):
            if (year, month) < (2023, 4):
                continue
            last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
            found.append((f"{year}-{month:02d}" if months == 1 else f"{year}-Q{month // 3}", last))
    return found


def _deliver(pen: Pen, random: Random, promise: Promise, period: str | None, last_day: date) -> None:
    about: dict[str, Any] = {"commitment": promise.id}
    if period is not None:
        about["period"] = period
    subject = f"commitment/{promise.id}"
    if promise.waived:
        pen.tell(
            promise.obligee,
            "commitment.waived",
            subject,
            moment_us(last_day) - 20 * DAY_US,
            {
                **about,
                "reason": "Both sides agreed that the county's protocol serves.",
            },
        )
        return
    draw = random.random()
    if draw < promise.on_time:
        at_us = moment_us(last_day) - random.randrange(1, 9) * DAY_US
    elif draw < promise.on_time + promise.late:
        at_us = moment_us(last_day) + (promise.late_days or random.randrange(4, 40)) * DAY_US
    else:
        if random.random() < promise.disputed:
            pen.tell(
                promise.obligee,
                "commitment.disputed",
                subject,
                moment_us(last_day) + 12 * DAY_US,
                {
                    **about,
                    "reason": "The other side counts what was agreed for an earlier period.",
                },
            )
        return
    name = f"{promise.id}-{period or 'once'}"
    if promise.quantity > 1 and random.random() < 0.3:
        part = promise.quantity // 2
        pen.tell(
            promise.obligor,
            "commitment.evidenced",
            subject,
            at_us - DAY_US,
            {
                **about,
                "quantity": part,
                "evidence_ref": f"{name}-a.pdf",
            },
        )
        rest = promise.quantity - part
    else:
        rest = promise.quantity
    pen.tell(
        promise.obligor,
        "commitment.evidenced",
        subject,
        at_us,
        {
            **about,
            "quantity": rest,
            "evidence_ref": f"{name}.pdf",
        },
    )
    answer = random.random()
    if answer < promise.disputed * 0.5:
        pen.tell(
            promise.obligee,
            "commitment.disputed",
            subject,
            at_us + 6 * DAY_US,
            {
                **about,
                "reason": "What was delivered is not what the clause describes.",
            },
        )
    elif answer < 0.7:
        pen.tell(promise.obligee, "commitment.accepted", subject, at_us + 5 * DAY_US, about)


def _indicators(pen: Pen, random: Random) -> None:
    """The crime rate, published monthly by the police until the unit that did so was closed at the end of 2023."""
    for number in range(12):
        year, month = 2023 + number // 12, number % 12 + 1
        following = date(year + month // 12, month % 12 + 1, 20)
        offences = int(random.gauss(238 - number, 9))
        pen.tell(
            POLICE,
            "indicator.measured",
            f"indicator/P01/{year}-{month:02d}",
            moment_us(following),
            {
                "kpi": "P01",
                "period": f"{year}-{month:02d}",
                "value": round(offences / 56_400 * 100_000, 1),
                "numerator": offences,
                "denominator": 56_400,
                "method": "Offences known to the police per 100,000 residents (monthly return).",
            },
        )
