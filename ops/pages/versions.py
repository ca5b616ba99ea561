"""The pages of this section: two versions of one KPI over the same period.

Here so that a section's addresses and figures stand in one place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from contracts.faults import fault
from contracts.kpi import Split
from ops.pages import words
from ops.pages.asking import PAGE_ROWS, Asked, asked, page_start
from ops.pages.standing import part_title, versions
from ops.versions import compared, pair
from projections.kpi.compare import Comparison, Move, Side
from projections.kpi.definitions import Definition
from projections.kpi.figures import ALL_GROUPS
from projections.kpi.periods import ALL, current, is_period, latest_complete, previous
from projections.kpi.roles import Role

if TYPE_CHECKING:
    from ops.composition import House
    from ops.pages.routes import Pages

Figures = dict[str, Any]

PERIODS_OFFERED = 13
_KINDS = {
    "absent": "Not looked at",
    "denominator": "Counted, and did not meet the condition",
    "numerator": "Counted, and met the condition",
    "less": "Taken off",
    "further": "Belongs to a person counted by another record",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of both versions and by how much they differ ("" where no difference can be formed)."""

    name: str
    before: str
    after: str
    change: str


@dataclass(frozen=True, slots=True)
class MoveLine:
    """A kind of move in words; ``address`` lists its records, ``shown`` says that the page does."""

    move: Move
    before: str
    after: str
    numerator: str
    denominator: str
    address: str
    shown: bool


def register(router: APIRouter, pages: Pages) -> None:
    """Add this section's pages to ``router``."""
    house = pages.house

    @router.get("/kpi/{kpi}/compare")
    def compare_page(
        kpi: str,
        versions: str = "",
        before: str = "",
        after: str = "",
        period: str = "",
        group: str = ALL_GROUPS,
        move: str = "",
        offset: str = "",
        as_of: str = "",
    ) -> Response:
        reading = asked(house, as_of)
        wanted = versions or (f"{before},{after}" if before and after else "")
        figures = compare_figures(house, reading, kpi, wanted, period, group or ALL_GROUPS, move, page_start(offset))
        here = reading.links.kpi(kpi).partition("?")[0] + "/compare"
        return pages.page("kpi_compare", figures, here=here, nav="/", reading=reading)


def compare_figures(
    house: House, reading: Asked, kpi: str, wanted: str, period: str, group: str, move: str, offset: int
) -> Figures:
    """Two versions over one period; without ``wanted`` (``1,2``) the two newest, without ``period`` the latest
    complete one.

    Raises ``Fault`` codes ``kpi_unknown``, ``period_invalid``, ``group_unknown``, and ``request_invalid`` for what are
    not two versions.
    """
    known = versions(house, reading, kpi)
    if not known:
        raise fault("kpi_unknown", f"there is no KPI {kpi!r}")
    if not wanted:
        if len(known) < 2:
            raise fault("request_invalid", f"{kpi} has only one version, so there is nothing to set beside it")
        wanted = f"{known[1].body.version},{known[0].body.version}"
    first, second = pair(wanted)
    grain = known[0].body.period.grain
    chosen = period or latest_complete(reading.as_of.moment_us, house.zone, grain)
    told = compared(
        house, kpi, first, second, chosen, group, as_of=reading.as_of, move=move or None, limit=PAGE_ROWS, offset=offset
    )
    asked_for = {"versions": f"{first},{second}", "period": chosen, "group": None if group == ALL_GROUPS else group}

    def address(**more: Any) -> str:
        return reading.links.to(f"/kpi/{kpi}/compare", **asked_for, **more)

    return {
        "told": told,
        "known": sorted(entry.body.version for entry in known),
        "from_when": {entry.body.version: entry.effective_from for entry in known},
        "periods": _offered(chosen, reading, house.zone, known[0]),
        "group": group,
        "part": part_title(told.before.definition, group),
        "lines": figure_lines(told),
        "differences_json": json.dumps([one.to_json() for one in told.differences], indent=2, ensure_ascii=False),
        "moves": [_move_line(told, one, address, move) for one in told.moves],
        "role": lambda role: role_words(told, role),
        "whole": address(),
        "move": move,
        "offset_shown": offset > 0,
        "numerator": _signed(sum(one.numerator for one in told.moves)),
        "denominator": _signed(sum(one.denominator for one in told.moves)),
        "asked_for": {name: value for name, value in asked_for.items() if value},
        "before": address(move=move, offset=max(0, offset - PAGE_ROWS) or None) if offset else "",
        "after": address(move=move, offset=offset + PAGE_ROWS) if offset + PAGE_ROWS < told.row_count else "",
    }


def figure_lines(told: Comparison) -> list[Line]:
    """The figures of both versions, one under the other: value, counts, further statistics, what was left out."""
    was, now = told.before, told.after
    same_unit = was.definition.unit == now.definition.unit
    lines = [
        Line(
            "Value",
            words.value_words(was.figures.value, was.definition.unit),
            words.value_words(now.figures.value, now.definition.unit),
            _change(was.figures.value, now.figures.value) if same_unit else "",
        ),
        _count_line("Met the condition", was.figures.numerator, now.figures.numerator),
        _count_line("Counted", was.figures.denominator, now.figures.denominator),
    ]
    lines.extend(
        _count_line(f"Left out: {words.reason_words(reason)}", _left_out(was, reason), _left_out(now, reason))
        for reason in dict.fromkeys((*was.figures.excluded, *now.figures.excluded))
    )
    return lines


def role_words(told: Comparison, role: Role) -> str:
    """How a record counts, in words."""
    if role.kind == "excluded":
        return f"Left out: {words.reason_words(role.reason)}"
    said = _KINDS[role.kind]
    if not role.parts:
        return said
    splits = [side.definition for side in (told.before, told.after) if isinstance(side.definition.measure, Split)]
    named = []
    for part in role.parts:
        titles = [
            part_title(one, f"{one.measure.dimension}:{part}") for one in splits if isinstance(one.measure, Split)
        ]
        named.append(next((title for title in titles if title), "") or words.title_words(part))
    return f"{said} ({words.listed(named)})"


def _left_out(side: Side, reason: str) -> int:
    return side.figures.excluded.get(reason, 0)


def _count_line(name: str, was: int | Decimal | None, now: int | Decimal | None) -> Line:
    return Line(name, words.number_words(was), words.number_words(now), _change(was, now))


def _change(was: int | Decimal | None, now: int | Decimal | None) -> str:
    return "" if was is None or now is None else _signed(now - was)


def _signed(number: int | Decimal) -> str:
    return f"+{words.number_words(number)}" if number > 0 else words.number_words(number)


def _move_line(told: Comparison, move: Move, address: Any, shown: str) -> MoveLine:
    after = role_words(told, move.after)
    if move.what == "value":
        after = f"{after}, with another measured value"
    elif move.what == "weight":
        after = f"{after}, standing for another number"
    return MoveLine(
        move,
        role_words(told, move.before),
        after,
        _signed(move.numerator),
        _signed(move.denominator),
        address(move=move.name),
        shown == move.name,
    )


def _offered(chosen: str, reading: Asked, zone: str, newest: Definition) -> list[str]:
    running = current(reading.as_of.moment_us, zone, newest.body.period.grain)
    offered = [*reversed(previous(running, PERIODS_OFFERED)), running[:4], str(int(running[:4]) - 1), ALL]
    if is_period(chosen) and chosen not in offered:
        offered.insert(0, chosen)
    return list(dict.fromkeys(offered))
