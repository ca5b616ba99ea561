"""The pages of this section: what is owed by whom to whom, by when, and what became of it.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from sqlalchemy import select

from contracts.moments import DAY_US, day_end_us, local_day
from ops.pages import words
from ops.pages.asking import PAGE_ROWS, Asked, asked, page_start
from ops.pages.states import StateWords, by_state
from projections.obligations import KINDS, PARTNERSHIP, STATES, Obligation, Survey, asking, survey
from projections.tables import TABLES

if TYPE_CHECKING:
    from ops.composition import House
    from ops.pages.routes import Pages

Figures = dict[str, Any]

KIND_WORDS = {
    "referral": "Answers to referrals",
    "commitment": "Commitments",
    "report": "Expected reports",
    "action": "Actions",
    "review": "Reviews",
    "finding": "Audit findings",
}
AGE_WORDS = {"0-7": "Up to 7", "8-30": "8 to 30", "31-90": "31 to 90", "90+": "More than 90"}
REASON_WORDS = {
    "no_limit_agreed": ("referral", "because no agreement in force limits the time of an answer"),
    "no_moment_of_request": ("referral", "because nobody stated when it was requested"),
    "agreement_not_in_force": ("obligation", "because it would fall due before the agreement is in force"),
    "agreement_ended": ("obligation", "because it would fall due after the agreement has ended"),
    "no_longer_party": ("obligation", "because its debtor or creditor is no longer a party when it falls due"),
}
_DAY = re.compile(r"(?<=report for )\d{4}-\d{2}-\d{2}$|(?<=the week from )\d{4}-\d{2}-\d{2}$")
_PERIOD = re.compile(r"(?<=report for )\d{4}-(?:Q[1-4]|\d{2})$")
_CLAIMS = {"waived": "Waiver", "disputed": "Dispute"}
NEXT_SHOWN = 12
OWN_SHOWN = 50


STATE_WORDS = by_state(
    (
        StateWords("overdue", "Overdue", "off_track", "was due and has not been done"),
        StateWords("disputed", "Disputed", "watch", "is contested by somebody entitled to"),
        StateWords("open", "Open", "stale", "is not due yet"),
        StateWords("late", "Late", "no_target", "was done after it was due"),
        StateWords("met", "Met", "on_track", "was done in time"),
        StateWords("waived", "Waived", "no_data", "is not insisted on"),
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """One obligation as a list shows it: ``note`` says in words how it came to its state, ``claims`` what was claimed
    by whom without counting."""

    one: Obligation
    words: StateWords
    note: str
    said: tuple[str, str]
    claims: tuple[tuple[str, str], ...]
    what: str
    by_day: bool


@dataclass(frozen=True, slots=True)
class Field:
    """Who owes whom, one place of the matrix: (words, count, address) of what is owed and of what is settled."""

    owed: list[tuple[StateWords, int, str]]
    settled: list[tuple[StateWords, int, str]]


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
    house = pages.house

    @router.get("/obligations")
    def obligations_page(
        as_of: str = "",
        kind: str = "",
        debtor: str = "",
        creditor: str = "",
        agency: str = "",
        state: str = "",
        age: str = "",
        since: str = "",
        offset: str = "",
    ) -> Response:
        reading = asked(house, as_of)
        filters = {
            "kind": kind,
            "debtor": debtor,
            "creditor": creditor,
            "agency": agency,
            "state": state,
            "age": age,
            "since": since,
        }
        figures = obligations_figures(house, reading, filters, page_start(offset))
        return pages.page("obligations", figures, here="/obligations", nav="/obligations", reading=reading)

    @router.get("/obligations/{name}")
    def obligations_of_page(name: str, as_of: str = "", since: str = "") -> Response:
        reading = asked(house, as_of)
        figures = agency_figures(house, reading, name, since)
        here = f"/obligations/{quote(name, safe=':@,')}"
        return pages.page("obligations_agency", figures, here=here, nav="/obligations", reading=reading)


def obligations_figures(house: House, reading: Asked, filters: dict[str, str], offset: int) -> Figures:
    """The matrix, the ages, what is next and the list. Raises ``Fault`` code ``request_invalid``."""
    moment_us, zone = reading.as_of.moment_us, house.zone
    wanted = asking(moment_us, zone, **filters)
    with house.reading(reading.as_of) as connection:
        found = survey(connection, moment_us, zone, wanted, offset=offset, limit=PAGE_ROWS)
        agencies = [row for (row,) in connection.execute(_AGENCIES)]
    kept = {name: value for name, value in filters.items() if value}
    states = found.by_state()

    def to(**more: Any) -> str:
        return reading.links.to("/obligations", **{**kept, **more})

    rest = {name: value for name, value in kept.items() if name not in ("state", "age")}
    debtors, creditors, fields = _matrix(found, to)
    return {
        "summary": _summary(found.beside),
        "tally": [
            (
                STATE_WORDS[s],
                found.beside[s],
                reading.links.to("/obligations", **rest, state="" if s == filters["state"] else s),
            )
            for s in STATES
        ],
        "filters": filters,
        "kinds": [(kind, KIND_WORDS[kind]) for kind in KINDS],
        "agencies": sorted({*agencies, *debtors, *creditors, *_named(filters)} - {PARTNERSHIP}),
        "window_day": local_day(wanted.window_us, zone),
        "whole": reading.links.to("/obligations"),
        "narrowed": _narrowed(filters),
        "total": found.total,
        "debtors": debtors,
        "creditors": creditors,
        "fields": fields,
        "ages": [(AGE_WORDS[name], n, to(state="overdue", age=name)) for name, n in found.ages().items()],
        "overdue": states["overdue"],
        "next_due": [line(one, moment_us, zone) for one in _soonest(found)[:NEXT_SHOWN]],
        "not_owed": _not_owed(found),
        "lines": [line(one, moment_us, zone) for one in found.listed],
        "offset": offset,
        "page_rows": PAGE_ROWS,
        "before": to(offset=max(0, offset - PAGE_ROWS)) if offset else "",
        "after": to(offset=offset + PAGE_ROWS) if found.total > offset + PAGE_ROWS else "",
        "data_filters": kept,
    }


def agency_figures(house: House, reading: Asked, name: str, since: str) -> Figures:
    """What one agency owes and is owed."""
    moment_us, zone = reading.as_of.moment_us, house.zone
    with house.reading(reading.as_of) as connection:
        sides = []
        for side, heading in (("debtor", "What it owes"), ("creditor", "What it is owed")):
            wanted = asking(moment_us, zone, since=since, **{side: name})
            found = survey(connection, moment_us, zone, wanted, limit=OWN_SHOWN)
            states = found.by_state()
            sides.append(
                {
                    "side": side,
                    "heading": heading,
                    "total": found.total,
                    "states": [
                        (
                            STATE_WORDS[s],
                            states[s],
                            reading.links.to("/obligations", since=since, state=s, **{side: name}),
                        )
                        for s in STATES
                        if states[s]
                    ],
                    "lines": [line(one, moment_us, zone) for one in found.listed],
                    "all": reading.links.to("/obligations", since=since, **{side: name}),
                }
            )
    return {"name": name, "sides": sides, "window_day": local_day(wanted.window_us, zone), "partnership": PARTNERSHIP}


def line(one: Obligation, moment_us: int, zone: str) -> Line:
    """An obligation with how it came to its state, and what was said about it that does not count."""
    claims = tuple(
        (_CLAIMS[remark.said], remark.agency or "nobody named")
        for remark in one.remarks
        if not remark.counts and remark.said in _CLAIMS
    )
    by_day = day_end_us(local_day(one.due_us, zone), zone) == one.due_us
    what = _PERIOD.sub(lambda found: words.period_words(found[0]), _DAY.sub(_day, one.what))
    return Line(one, STATE_WORDS[one.state], _note(one, moment_us, zone), _said(one), claims, what, by_day)


def _day(found: re.Match[str]) -> str:
    return words.iso_day_words(found[0])


def _note(one: Obligation, moment_us: int, zone: str) -> str:
    if one.state == "overdue":
        days = (moment_us - one.due_us) // DAY_US
        return f"by {words.count_words(days, 'day')}" if days else "by less than a day"
    if one.state in ("met", "late"):
        return "when is not stated" if one.met_us is None else f"on {words.day_words(one.met_us, zone)}"
    if one.state == "open":
        days = (one.due_us - moment_us) // DAY_US
        return f"{words.count_words(days, 'day')} left" if days else "less than a day left"
    return ""


def _said(one: Obligation) -> tuple[str, str]:
    """Who waived or disputes it last, and why: ("", "") where the state rests on no such word."""
    said = [remark for remark in one.remarks if remark.counts and remark.said == one.state]
    return (said[-1].agency or "nobody named", said[-1].reason or "") if said else ("", "")


_AGENCIES = select(TABLES["agencies"].c.agency)


def _named(filters: dict[str, str]) -> Iterable[str]:
    return (filters[name] for name in ("debtor", "creditor", "agency") if filters[name])


def _narrowed(filters: dict[str, str]) -> bool:
    return any(filters[name] for name in ("debtor", "creditor", "state", "age"))


def _matrix(found: Survey, to: Any) -> tuple[list[str], list[str], dict[tuple[str, str], Field]]:
    """Debtors, creditors (what is owed to all comes last), and what stands where they meet."""
    pairs: dict[tuple[str, str], Counter[str]] = {}
    for (_, debtor, creditor, state), n in found.counts.items():
        pairs.setdefault((debtor, creditor), Counter())[state] += n

    def counted(debtor: str, creditor: str, states: Iterable[str]) -> list[tuple[StateWords, int, str]]:
        numbers = pairs[debtor, creditor]
        return [
            (STATE_WORDS[state], numbers[state], to(debtor=debtor, creditor=creditor, state=state))
            for state in states
            if numbers[state]
        ]

    fields = {pair: Field(counted(*pair, STATES[:3]), counted(*pair, STATES[3:])) for pair in pairs}
    last = lambda name: (name == PARTNERSHIP, name)  # noqa: E731
    debtors = sorted({debtor for debtor, _ in pairs}, key=last)
    creditors = sorted({creditor for _, creditor in pairs}, key=last)
    return debtors, creditors, fields


def _soonest(found: Survey) -> list[Obligation]:
    return sorted(found.next_due.values(), key=lambda one: (one.due_us, one.key))


def _summary(states: Counter[Any]) -> str:
    owed = [f"{words.number_words(states[s])} {s}" for s in STATES[:3] if states[s]]
    return f"Still owed: {words.listed(owed)}." if owed else "Nothing is owed at present."


def _not_owed(found: Survey) -> list[str]:
    said = []
    for reason, n in sorted(found.not_owed.items()):
        one, because = REASON_WORDS[reason]
        said.append(f"{words.count_words(n, one)} not counted here, {because}.")
    return said
