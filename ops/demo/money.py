"""The money of the demonstration: promised, bound, paid out, spent and lapsed, and what its receivers say came in.

The secretariat holds the grants and pays the partners every quarter; here and there what was paid and what came in
differ, which only the two halves side by side can show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, Final

from ops.demo.cast import CRISIS, DAY_US, HOSPITAL, HOUSING, OPEN_DOOR, POLICE, SECRETARIAT, Voice
from ops.demo.pen import Pen
from ops.demo.plan import moment_us

_YEARS: Final = (2023, 2024, 2025)


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant for one year of the plan: who gives it, where the money comes from, and how it is shared out."""

    name: str
    provider: str
    source_type: str
    yearly_minor: int
    shares: tuple[tuple[Voice, float], ...]


GRANTS: Final = (
    Grant(
        "state-crisis-care",
        "state-health-office",
        "state",
        164_000_000,
        ((CRISIS, 0.62), (HOUSING, 0.24), (OPEN_DOOR, 0.14)),
    ),
    Grant("justice-and-care", "federal-justice-office", "federal", 58_000_000, ((POLICE, 0.45), (CRISIS, 0.55))),
    Grant("larkmoor-foundation", "larkmoor-foundation", "foundation", 21_000_000, ((OPEN_DOOR, 0.6), (HOSPITAL, 0.4))),
)


class _Book:
    """Numbers transactions and tells them."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._number = 0

    def tell(self, voice: Voice, stage: str, at_us: int, amount_minor: int, **more: Any) -> str:
        self._number += 1
        transaction = f"TX-{self._number:05d}"
        data = {"transaction": transaction, "amount_minor": amount_minor, "currency": "USD", **more}
        self._pen.tell(voice, f"funding.{stage}", f"transaction/{transaction}", at_us, data)
        return transaction


def tell_money(pen: Pen, random: Random) -> None:
    """Three grants over three years."""
    book = _Book(pen)
    for year in _YEARS:
        for grant in GRANTS:
            _year(pen, random, book, grant, year)


def _year(pen: Pen, random: Random, book: _Book, grant: Grant, year: int) -> None:
    funding = f"{grant.name}-{year}"
    terms: dict[str, Any] = {"funding": funding, "source_type": grant.source_type, "fiscal_years": [year]}
    whole = grant.yearly_minor + 1_000_000 * random.randrange(-3, 4)
    given = {**terms, "provider": grant.provider, "receiver": SECRETARIAT.agency}
    book.tell(SECRETARIAT, "pledged", moment_us(date(year, 1, 20)), whole, **given)
    committed = whole if grant.source_type != "foundation" else whole * 9 // 10
    paid_out = 0
    for quarter in (1, 2, 3, 4):
        book.tell(SECRETARIAT, "committed", moment_us(date(year, quarter * 3 - 1, 10)), committed // 4, **given)
        paid = date(year, quarter * 3, random.randrange(10, 20))
        for voice, share in grant.shares:
            amount = int(committed * share / 4 * (0.92 + 0.08 * random.random())) // 100 * 100
            paid_out += amount
            _pay(pen, random, book, voice, moment_us(paid), amount, {**terms, "provider": grant.provider})
            for month in range(3):
                spent = int(amount / 3 * (0.85 + 0.15 * random.random()))
                at_us = moment_us(paid) + (12 + 30 * month) * DAY_US
                book.tell(voice, "spent", at_us, spent, **terms, provider=voice.agency)
    # What is not drawn by the turn of the year goes back.
    if committed > paid_out:
        book.tell(SECRETARIAT, "lapsed", moment_us(date(year, 12, 29)), committed - paid_out, **given)


def _pay(
    pen: Pen, random: Random, book: _Book, voice: Voice, paid_us: int, amount_minor: int, terms: dict[str, Any]
) -> None:
    """One disbursement and what its receiver says: it came in, late, short, not as told, or not a word."""
    transaction = book.tell(SECRETARIAT, "disbursed", paid_us, amount_minor, **terms, receiver=voice.agency)
    subject = f"transaction/{transaction}"
    about: dict[str, Any] = {"transaction": transaction}
    draw = random.random()
    if draw < 0.05:
        reason = "Our bank shows no such payment."
        pen.tell(voice, "funding.disputed", subject, paid_us + 20 * DAY_US, {**about, "reason": reason})
    elif draw < 0.92:
        came = amount_minor * 9 // 10 if draw < 0.11 else amount_minor
        waited = random.randrange(40, 70) if draw > 0.86 else random.randrange(2, 12)
        received = {**about, "amount_minor": came, "currency": "USD"}
        pen.tell(voice, "funding.received", subject, paid_us + waited * DAY_US, received)
