"""What became of the commitments in the demonstration's memorandum, told by both sides.

A promise is only accountable if both halves speak: here most are kept, some late, some never, some disputed by the
other side and one waived.
"""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from random import Random
from typing import Any, Final

from ops.demo import cast
from ops.demo.cast import DAY_US
from ops.demo.memorandum import PROMISES, Promise
from ops.demo.pen import Pen
from ops.demo.plan import Minutes, moment_us

_UNTIL: Final = date(2025, 12, 31)


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
            "terms": {"answer_within": {"limit": 5, "unit": "business_days"}, "confirm_within_days": 30},
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
    # A first licence for the study that measured where the partnership began; it ran out with the study.
    study = {"agreement": cast.STUDY, "kind": "dul", "parties": everyone[:2], "effective": "2023-01-16"}
    minutes.write("agreement.signed", f"agreement/{cast.STUDY}", {**study, "expires": "2023-12-31"})
    for promise in PROMISES:
        minutes.write("commitment.made", f"commitment/{promise.id}", _made(promise))
    minutes.on(date(2024, 1, 2))
    minutes.write("agreement.ended", f"agreement/{cast.STUDY}", {"agreement": cast.STUDY, "kind": "expired"})
    minutes.on(date(2024, 6, 24))
    # As the committee decided: from now on an answer within three days, whatever days they are.
    minutes.write(
        "agreement.amended",
        f"agreement/{cast.MOU}",
        {
            "agreement": cast.MOU,
            "terms": {"answer_within": {"limit": 72, "unit": "hours"}, "confirm_within_days": 21},
            "reason": "Referrals are to be answered within 72 hours.",
        },
    )
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
