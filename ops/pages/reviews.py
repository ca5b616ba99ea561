"""The pages of this section: what was known at a review, and what has been restated since.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from contracts.faults import fault
from ops.pages import words
from ops.pages.asking import PAGE_ROWS, Asked, asked, page_start
from ops.reviewing import OpenReview, Reviews, reviews_of
from projections.kpi.shapes import Scorecard
from projections.reviews import Held, Restatement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ops.composition import House
    from ops.pages.routes import Pages

Figures = dict[str, Any]
MARKED_MAX = 3
"""Restated periods that a KPI's page names; the review's page has them all."""


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A review in the list; ``matches`` is None for one that has not been held."""

    held: Held
    address: str
    matches: bool | None
    restated: int


@dataclass(frozen=True, slots=True)
class Restated:
    """A restated number in words; ``why`` counts the events responsible by when they happened."""

    one: Restatement
    title: str
    period: str
    group: str
    old: str
    new: str
    why: str
    late: tuple[tuple[str, str], ...]
    address: str


@dataclass(frozen=True, slots=True)
class ThenAndNow:
    """A KPI's line on the scorecard of a review beside the same number now, and where the KPI stands now."""

    kpi: str
    title: str
    period: str
    then: str
    then_status: str
    same: str
    address: str
    now_period: str
    now: str
    now_status: str


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
    house = pages.house

    @router.get("/reviews")
    def reviews_page(as_of: str = "") -> Response:
        reading = asked(house, as_of)
        desk = reviews_of(house)
        lines = [_line(desk, reading, held) for held in desk.every(reading.as_of)]
        return pages.page("reviews", {"reviews": lines}, here="/reviews", nav="/reviews", reading=reading)

    @router.get("/reviews/{review}")
    def review_page(review: str, as_of: str = "", kpi: str = "", offset: str = "") -> Response:
        reading = asked(house, as_of)
        held = reviews_of(house).one(review, reading.as_of)
        card = pages.cards.read(reading.as_of)
        figures = review_figures(house, reading, held, card, kpi, page_start(offset))
        return pages.page("review", figures, here=f"/reviews/{_part(review)}", nav="/reviews", reading=reading)

    @router.get("/reviews/{review}/{kpi}/{version}/{period}/{group:path}")
    def restatement_page(review: str, kpi: str, version: str, period: str, group: str, as_of: str = "") -> Response:
        reading = asked(house, as_of)
        held = reviews_of(house).one(review, reading.as_of)
        figures = restatement_figures(house, reading, held, (kpi, version, period, group))
        here = "/".join(["/reviews", *map(_part, (review, kpi, version, period)), quote(group, safe=":@,/")])
        return pages.page("restatement", figures, here=here, nav="/reviews", reading=reading)


def _line(desk: Reviews, asked: Asked, held: Held) -> ReviewLine:
    if not held.held:
        return ReviewLine(held, review_address(asked, held), None, 0)
    restated = len(desk.changed(held, asked.as_of))
    return ReviewLine(held, review_address(asked, held), desk.matches(held), restated)


def review_figures(house: House, asked: Asked, held: Held, card: Scorecard, kpi: str, offset: int) -> Figures:
    """One review: what it fixed, and a page of what restates it, of one KPI or of all."""
    figures: Figures = {"held": held, "opened": None, "kpi": kpi}
    if not held.held:
        return figures
    opened = reviews_of(house).open(held, asked.as_of)
    titles = {shown.kpi: shown.title for shown in opened.snapshot.shown}
    if kpi and kpi not in titles:
        raise fault("kpi_unknown", f"the review {held.review!r} froze no KPI {kpi!r}")
    found = [one for one in opened.restated if kpi in ("", one.name[0])]
    # Of one KPI every group is listed; of all of them, what everyone's number became.
    listed = found if kpi else [one for one in found if one.name[3] == "all"]
    counts = {name: sum(one.name[0] == name for one in opened.restated) for name in titles}
    here = review_address(asked, held)
    page = listed[offset : offset + PAGE_ROWS]

    def at(place: int) -> str:
        return asked.links.to(f"/reviews/{_part(held.review)}", kpi=kpi, offset=place or None)

    return {
        **figures,
        "opened": opened,
        "then": [then_and_now(asked, opened, card, shown.kpi) for shown in opened.snapshot.shown],
        "decided": [
            (name, titles[name], change.event, change.event.type.replace(".", " "))
            for name, changes in opened.decided.items()
            for change in changes
        ],
        "restated": [restated_words(asked, held, titles[one.name[0]], one) for one in page],
        "restated_count": len(listed),
        "all_count": len(found),
        "by_kpi": [
            (titles[name], n, asked.links.to(f"/reviews/{_part(held.review)}", kpi=name))
            for name, n in counts.items()
            if n
        ],
        "title": titles.get(kpi, ""),
        "whole": here,
        "offset": offset,
        "before": at(max(0, offset - PAGE_ROWS)) if offset else "",
        "after": at(offset + PAGE_ROWS) if offset + PAGE_ROWS < len(listed) else "",
        "scorecard_then": f"/?as_of={held.as_of}",
    }


def restatement_figures(house: House, asked: Asked, held: Held, name: tuple[str, str, str, str]) -> Figures:
    """One restated number with the events responsible. Raises ``Fault`` code ``not_found``."""
    kpi, version, period, group = name
    found: Sequence[Restatement] = ()
    if held.held:
        found = reviews_of(house).restated(held, asked.as_of, kpi=kpi, period=period, group=group)
    one = next((one for one in found if str(one.name[1]) == version), None)
    if one is None:
        raise fault("not_found", f"the review {held.review!r} has no such number that is another now")
    title = next((s.title for s in reviews_of(house).snapshot(held).shown if s.kpi == kpi), kpi)
    return {
        "held": held,
        "address": review_address(asked, held),
        "restated": restated_words(asked, held, title, one),
        "events": [(responsible, responsible.event) for responsible in one.events],
        "figures": [
            (words.title_words(what), _said(one.old[what]), _said(one.new[what]))
            for what in ("numerator", "denominator")
            if one.old[what] != one.new[what]
        ]
        + [
            (f"Left out: {words.reason_words(reason)}", _said(was.get(reason, 0)), _said(now.get(reason, 0)))
            for was, now in ((one.old["excluded"], one.new["excluded"]),)
            for reason in sorted({*was, *now})
            if was.get(reason) != now.get(reason)
        ],
        "cell": asked.links.cell_of(kpi, one.name[1], period, group),
    }


def marks_of(house: House, asked: Asked, plan: str | None, kpi: str, **some: str | None) -> Figures:
    """``restated_since``: the last review of a plan, and those numbers of one KPI that are others now; None where no
    review was held or none of these numbers was restated."""
    desk = reviews_of(house)
    held = None if plan is None else desk.latest(plan, asked.as_of)
    if held is None:
        return {"restated_since": None}
    names = sorted(desk.changed(held, asked.as_of, kpi=kpi, **some), key=lambda name: name[2], reverse=True)
    if not names:
        return {"restated_since": None}
    # The search for the events is made for those that are named here alone.
    told = [
        restated_words(asked, held, kpi, one)
        for name in names[:MARKED_MAX]
        for one in desk.restated(held, asked.as_of, kpi=kpi, period=name[2], group=name[3])
        if one.name == name
    ]
    return {"restated_since": (held, review_address(asked, held, kpi=kpi), told, len(names) - len(told))}


def restated_words(asked: Asked, held: Held, title: str, one: Restatement) -> Restated:
    """A restatement as it is shown."""
    kpi, version, period, group = one.name
    path = "/".join(["/reviews", *map(_part, (held.review, kpi, str(version), period)), quote(group, safe=":@,/")])
    return Restated(
        one,
        title,
        period,
        group,
        figure_words(one.old, one.unit, other=one.new),
        figure_words(one.new, one.unit, other=one.old),
        _why(one),
        tuple((agency, words.count_words(days, "day")) for agency, days in one.late_reporters().items()),
        asked.links.to(path),
    )


def figure_words(figures: Mapping[str, Any], unit: str, *, other: Mapping[str, Any] | None = None) -> str:
    """A frozen value in words; with its fraction where the value alone would not tell it from the ``other``."""
    value = figures["value"]
    said = words.value_words(_exact(value, other), unit)
    if other is not None and other["value"] == value and figures["denominator"] is not None:
        top = "" if figures["numerator"] is None else f"{words.number_words(figures['numerator'])} of "
        return f"{said} ({top}{words.number_words(figures['denominator'])})"
    return said


def _exact(value: int | float | None, other: Mapping[str, Any] | None) -> Decimal | None:
    """A JSON number with as many decimals as the one it is laid beside."""
    if value is None:
        return None
    exact = Decimal(str(value))
    beside = Decimal(str(other["value"])) if other is not None and other["value"] is not None else exact
    digits = max(0, -int(exact.as_tuple().exponent), -int(beside.as_tuple().exponent))
    return exact.quantize(Decimal(1).scaleb(-digits)) if digits and abs(exact) < 10**15 else exact


def then_and_now(asked: Asked, opened: OpenReview, card: Scorecard, kpi: str) -> ThenAndNow:
    """A line of the scorecard of a review beside what is known now."""
    shown = next(one for one in opened.snapshot.shown if one.kpi == kpi)
    name = (kpi, shown.version, shown.period, "all")
    frozen = opened.snapshot.cells.get(name)
    restated = next((one for one in opened.restated if one.name == name), None)
    same = "the same" if restated is None else figure_words(restated.new, shown.unit, other=restated.old)
    line = next((line for line in card.lines() if line.definition.kpi == kpi), None)
    return ThenAndNow(
        kpi,
        shown.title,
        shown.period,
        "No data" if frozen is None else figure_words(frozen, shown.unit, other=restated.new if restated else None),
        "no_data" if frozen is None else frozen["status"],
        same,
        asked.links.cell_of(*name),
        "" if line is None else line.cell.period,
        "not measured any more" if line is None else words.value_words(line.cell.value, line.cell.unit),
        "" if line is None else line.cell.status,
    )


def review_address(asked: Asked, held: Held, **params: str) -> str:
    """The address of a review's page."""
    return asked.links.to(f"/reviews/{_part(held.review)}", **params)


def _why(one: Restatement) -> str:
    timings = [responsible.timing for responsible in one.events]
    parts = [
        f"{words.number_words(timings.count(timing))} {said}"
        for timing, said in (("late", "reported late"), ("since", "happened since"), ("undated", "not dated"))
        if timing in timings
    ]
    total = words.count_words(len(timings), "event") if timings else ""
    via = f"the restated {words.listed(list(one.kpis))}" if one.kpis else ""
    told = f"{total} ({words.listed(parts)})" if parts else ""
    return " and ".join(part for part in (told, via) if part)


def _said(value: Any) -> str:
    return "none" if value is None else words.number_words(value)


def _part(text: str) -> str:
    return quote(text, safe=":@,")
