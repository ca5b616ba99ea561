"""The pages of this section: both halves of every shared fact, side by side.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from contracts.moments import DAY_US
from ops.both_halves import sums, walked
from ops.pages import words
from ops.pages.asking import Asked, asked, page_start
from ops.pages.states import StateWords, by_state
from projections.halves.evidence import Difference, Half
from projections.halves.facts import FACTS
from projections.halves.sums import Amounts, Counts, Exact, Reconciliation, whole
from projections.halves.walk import NOBODY, WANTED, Item
from projections.kpi.periods import current, previous, span

if TYPE_CHECKING:
    from ops.composition import House
    from ops.pages.routes import Pages

Figures = dict[str, Any]
To = Callable[..., str]

ITEMS_SHOWN = 30
"""Items of one page of a list: each is two statements long."""


STATE_WORDS = by_state(
    (
        StateWords("disputed", "Disputed", "watch", "the other side contests it, or says another amount"),
        StateWords("past_grace", "Past its grace", "off_track", "the other side has not answered in the time agreed"),
        StateWords("pending", "Pending", "stale", "the other side has not answered yet"),
        StateWords("unmatched", "Unmatched", "no_target", "one side answers what the other never stated"),
        StateWords("confirmed", "Confirmed", "on_track", "both sides say the same"),
    )
)
"""In the order in which a reader should look: what needs attention first."""

SAID_WORDS = {"amount_minor": "amount", "evidence_ref": "evidence"}
_DIGITS = dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"), 0) | dict.fromkeys(
    ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3
)
"""Digits of the minor unit (ISO 4217) where they are not two."""


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
    house = pages.house

    @router.get("/reconciliation")
    def reconciliation_page(as_of: str = "", period: str = "") -> Response:
        reading = asked(house, as_of)
        figures = sums_figures(house, reading, period)
        return pages.page("reconciliation", figures, here="/reconciliation", nav="/reconciliation", reading=reading)

    @router.get("/reconciliation/{one}/{other}")
    def pair_page(
        one: str,
        other: str,
        as_of: str = "",
        fact: str = "",
        state: str = "",
        period: str = "",
        offset: str = "",
    ) -> Response:
        reading = asked(house, as_of)
        filters = {"fact": fact, "state": state, "period": period}
        figures = pair_figures(house, reading, one, other, filters, page_start(offset))
        here = pair_address(one, other)
        return pages.page("reconciliation_pair", figures, here=here, nav="/reconciliation", reading=reading)


def pair_address(one: str | None, other: str | None) -> str:
    """Where the list of two agencies is; None is nobody."""
    first, second = (one, other) if one is not None else (other, one)
    return "/reconciliation/" + "/".join(quote(name or NOBODY, safe=":@,") for name in (first, second))


def sums_figures(house: House, reading: Asked, period: str) -> Figures:
    """The sums by fact, who claims of whom, and whose half is missing. Raises ``Fault`` code ``period_invalid``."""
    found = sums(house, reading.as_of, period)

    def to(one: str | None, other: str | None, **more: Any) -> str:
        return reading.links.to(pair_address(one, other), period=period, **more)

    claimers, others, fields = _matrix(found, to)
    total = found.total()
    return {
        "summary": _summary(total),
        "period": period,
        "periods": _periods(reading, house.zone, period),
        "facts": [
            (fact.fact, fact.counts, [amount_words(a, unit) for unit, a in sorted(fact.amounts.items())])
            for fact in found.facts()
        ],
        "total": total,
        "claimers": claimers,
        "others": others,
        "fields": fields,
        "waited": found.waited_for(),
        "state_words": STATE_WORDS,
    }


def _summary(total: Counts) -> str:
    if not total.claimed:
        return "Nothing that two agencies know of has been claimed yet."
    late = f", {words.number_words(total.pending_past_grace)} of them past their grace" if total.pending else ""
    return (
        f"Of {words.count_words(total.claimed, 'fact')} that one agency claims of another, "
        f"{words.number_words(total.confirmed)} are confirmed, {words.number_words(total.disputed)} disputed and "
        f"{words.number_words(total.pending)} pending{late}."
    )


def _periods(reading: Asked, zone: str, chosen: str) -> list[tuple[str, str]]:
    """What the reader may choose: this year and the last, the last six quarters, and what was asked for."""
    moment = reading.as_of.moment_us
    found = [
        *reversed(previous(current(moment, zone, "year"), 2)),
        *reversed(previous(current(moment, zone, "quarter"), 6)),
    ]
    if chosen and chosen not in found:
        found.append(chosen)
    return [(one, words.period_words(one)) for one in found if one == "all" or span(one)]


def _by_state(counts: Counts) -> list[tuple[StateWords, int]]:
    """What is not nothing, the pending ones apart from those past their grace."""
    numbers = {
        **{name: getattr(counts, name) for name in ("disputed", "unmatched", "confirmed")},
        "past_grace": counts.pending_past_grace,
        "pending": counts.pending - counts.pending_past_grace,
    }
    return [(told, numbers[state]) for state, told in STATE_WORDS.items() if numbers[state]]


Field = list[tuple[StateWords, int, str]]


def _matrix(
    found: Reconciliation, to: To
) -> tuple[list[str | None], list[str | None], dict[tuple[str | None, str | None], Field]]:
    """(claimers, other sides, what one claims of the other by state with addresses); None is nobody named."""
    pairs = found.pairs()
    fields = {
        (pair.claimer, pair.other): [
            (told, n, to(pair.claimer, pair.other, state=told.state)) for told, n in _by_state(pair.counts)
        ]
        for pair in pairs
    }

    def ordered(names: set[str | None]) -> list[str | None]:
        return sorted(names, key=lambda name: (name is None, name or ""))

    return ordered({pair.claimer for pair in pairs}), ordered({pair.other for pair in pairs}), fields


def pair_figures(house: House, reading: Asked, one: str, other: str, filters: dict[str, str], offset: int) -> Figures:
    """One page of the list of two agencies. Raises the faults of ``ops.both_halves.walked``."""
    found = walked(house, reading.as_of, one, other, limit=ITEMS_SHOWN, offset=offset, **filters)
    kept = {name: value for name, value in filters.items() if value}
    here = pair_address(one, other)

    def to(**more: Any) -> str:
        return reading.links.to(here, **{**kept, **more})

    shown = offset + len(found.items)
    return {
        "one": one,
        "other": None if other == NOBODY else other,
        "pair": f"reconciliation/{one}/{other}",
        "filters": filters,
        "narrowed": bool(kept),
        "whole": reading.links.to(here),
        "counts": found.counts,
        "states": [(told, n, to(state=told.state)) for told, n in _by_state(found.counts)],
        "choices": [STATE_WORDS[state] for state in WANTED],
        "facts": list(FACTS.values()),
        "periods": _periods(reading, house.zone, filters["period"]),
        "items": [shown_item(item) for item in found.items],
        "total": found.total,
        "offset": offset,
        "before": to(offset=max(0, offset - ITEMS_SHOWN)) if offset else "",
        "after": to(offset=shown) if shown < found.total else "",
        "state_words": STATE_WORDS,
    }


def shown_item(item: Item) -> Figures:
    """One item as a page shows it."""
    fact = FACTS[item.fact]
    first, second = fact.halves
    return {
        "item": item,
        "fact": fact,
        "words": STATE_WORDS["past_grace" if item.past_grace else item.state],
        "quantity": "" if item.amounts is None else quantity_words(item.amounts, item.unit or ""),
        "waiting": _waiting(item),
        "differences": difference_words(item.halves.differences, item.unit or ""),
        "sides": [
            {
                "title": first,
                "agency": item.claimer,
                "halves": [_told(half) for half in item.halves.first],
            },
            {
                "title": second,
                "agency": item.other,
                "halves": [_told(half) for half in item.halves.second],
            },
        ],
    }


def _waiting(item: Item) -> str:
    """How long a pending claim has waited, as a clause."""
    if item.state != "pending":
        return ""
    if item.days is None or item.grace is None:
        return "for how long is not known, because the claim is undated"
    return f"for {words.count_words(item.days, 'day')} of the {words.number_words(item.grace)} agreed"


def _told(half: Half) -> Figures:
    said = half.said()
    currency = str(said.pop("currency", ""))
    told = []
    for name, value in said.items():
        text = money_words(value, currency) if name == "amount_minor" else words.reason_words(str(value))
        told.append((words.title_words(SAID_WORDS.get(name, name)), text))
    event = half.event
    late_us = None if event.time_us is None else event.recorded_at_us - event.time_us
    lag = "" if late_us is None or late_us < DAY_US else f"{words.count_words(late_us // DAY_US, 'day')} later"
    return {"event": event, "digest": event.digest.hex(), "said": told, "lag": lag}


def difference_words(differences: Sequence[Difference], unit: str) -> list[str]:
    """What the two do not say alike, each in a sentence; sums in the currency in which either side told its own."""
    currencies = next(((d.claimed, d.answered) for d in differences if d.about == "currency"), (unit, unit))
    said = []
    for difference in differences:
        one, other = _plain(difference.claimed), _plain(difference.answered)
        if difference.about == "reason":
            said.append(f"Disputed: {difference.answered}")
            continue
        if difference.about == "amount_minor":
            one, other = money_words(difference.claimed, currencies[0]), money_words(difference.answered, currencies[1])
        name = SAID_WORDS.get(difference.about, difference.about)
        said.append(f"{words.title_words(name)}: {one} claimed, {other} answered")
    return said


def _plain(value: Any) -> str:
    return words.number_words(value) if isinstance(value, int | float) else str(value)


def money_words(minor: float, currency: str) -> str:
    """An amount in a currency's smallest unit as people write it: 125050 USD → 1,250.50 USD."""
    digits = _DIGITS.get(currency, 2)
    return f"{minor / 10**digits:,.{digits}f} {currency}".strip()


def _amount(value: Exact, unit: str) -> str:
    if len(unit) == 3 and unit.isupper():
        return money_words(whole(value), unit)
    return words.number_words(whole(value))


def amount_words(amounts: Amounts, unit: str) -> str:
    """Quantities of one unit: ``120 people claimed: 90 confirmed, 12 disputed, 18 pending``."""
    money = len(unit) == 3 and unit.isupper()
    claimed = _amount(amounts.claimed, unit)
    parts = ", ".join(
        f"{_amount(getattr(amounts, name), unit)} {name}" for name in ("confirmed", "disputed", "pending")
    )
    return f"{claimed}{'' if money or not unit else ' ' + unit} claimed: {parts}"


def quantity_words(amounts: Amounts, unit: str) -> str:
    """The quantity of one item; its parts are told where it is confirmed in part."""
    if amounts.confirmed and amounts.disputed:
        parts = f": {_amount(amounts.confirmed, unit)} confirmed, {_amount(amounts.disputed, unit)} disputed"
    else:
        parts = ""
    money = len(unit) == 3 and unit.isupper()
    return f"{_amount(amounts.claimed, unit)}{'' if money or not unit else ' ' + unit} claimed{parts}"
