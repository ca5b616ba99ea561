"""What the scorecard, KPI and explanation pages show: how the partnership stands, and how each number came about.

The figures are K's own shapes wherever that is possible; this module only chooses among them and puts them into
sentences, so that a page cannot state a number that the evaluator did not give.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from contracts.faults import fault
from contracts.kpi import (
    AlsoDuration,
    AlsoPercentile,
    AlsoShareAtMost,
    Concentration,
    Count,
    Gap,
    KpiDefinition,
    Mean,
    Percentile,
    Ratio,
    Return,
    Share,
    Split,
    Total,
    Value,
)
from ops.completeness import complete
from ops.pages import words
from ops.pages.asking import PAGE_ROWS, RECOMPUTED_AT_ONCE, SHOWN, Asked
from ops.pages.decided import decided_figures
from ops.pages.remembering import Scorecards
from ops.pages.reviews import marks_of
from ops.pages.templating import shown
from ops.versions import cells_on
from projections.kpi.basis import as_confirmed
from projections.kpi.definitions import Definition, Definitions
from projections.kpi.sentence import explanation, part_names
from projections.kpi.shapes import Cell, KpiLine, PlanSection, Scorecard

if TYPE_CHECKING:
    from ops.composition import House

Figures = dict[str, Any]

QUESTIONS = {
    "how_much": "How much did we do?",
    "how_well": "How well did we do it?",
    "better_off": "Is anyone better off?",
    "population": "A condition of the whole community",
}
"""The questions of Results-Based Accountability that a KPI answers."""


def scorecard_figures(house: House, cards: Scorecards, asked: Asked, show: str, status: str) -> Figures:
    """The scorecard. ``show`` is one of ``SHOWN``; ``status`` keeps only lines of that status ("" for all).

    Raises ``Fault`` code ``request_invalid`` on anything else.
    """
    if show not in SHOWN:
        raise fault("request_invalid", f"period must be one of {', '.join(SHOWN)}")
    if status and status not in words.STATUS_WORDS:
        raise fault("request_invalid", f"status must be one of {', '.join(words.STATUS_WORDS)}")
    whole = complete(house, asked.as_of)
    card = cards.read(asked.as_of)
    lines = card.lines()
    counts = Counter(shown(line, show).status for line in lines)
    head = house.reader.head()
    known, known_at_us = head.log_index, head.recorded_at_us
    if asked.as_of.log_index is not None and asked.as_of.log_index < head.log_index:
        known = asked.as_of.log_index
        known_at_us = house.reader.at([known])[0].recorded_at_us if known else 0
    kept = _only(card, show, status) if status else card
    return {
        "title": _title(card),
        "summary": summary(counts),
        "known": known,
        "known_at_us": known_at_us,
        "freshness": "counted again from the events known then" if asked.past else whole.sentence(),
        "lines": lines,
        "tally": [
            (spoken, counts[spoken.status])
            for spoken in words.STATUS_WORDS.values()
            if counts[spoken.status] or spoken.status != "no_target"
        ],
        "plans": kept.plans,
        "numbers": {(p.plan, g.goal): number for p in card.plans for number, g in enumerate(p.goals, 1)},
        "unplanned": kept.unplanned,
        "matching": len(kept.lines()),
        "disputed": cards.disputed(asked.as_of),
        "show": show,
        "status": status,
    }


def summary(counts: Counter[Any]) -> str:
    """The scorecard in two sentences: how many KPIs there are, and what needs attention."""
    total = sum(counts.values())
    if not total:
        return "There is no KPI to show yet."
    said = f"Of {words.count_words(total, 'KPI')}, {counts['on_track']} {_are(counts['on_track'])} on track."
    troubles = []
    if counts["off_track"]:
        troubles.append(f"{counts['off_track']} {_are(counts['off_track'])} off track")
    if counts["watch"]:
        troubles.append(f"{counts['watch']} {'needs' if counts['watch'] == 1 else 'need'} watching")
    unjudged = counts["stale"] + counts["no_data"] + counts["unowned"]
    if unjudged:
        troubles.append(f"{unjudged} cannot be judged (stale, unowned or without data)")
    if counts["no_target"]:
        troubles.append(f"{counts['no_target']} {'has' if counts['no_target'] == 1 else 'have'} no target")
    if not troubles:
        return said
    rest = words.listed(troubles)
    return f"{said} {rest[:1].upper()}{rest[1:]}."


def kpi_figures(house: House, cards: Scorecards, asked: Asked, kpi: str) -> Figures:
    """One KPI's page. Raises ``Fault`` code ``kpi_unknown``."""
    card = cards.read(asked.as_of)
    line = next((line for line in card.lines() if line.definition.kpi == kpi), None)
    if line is None:
        raise fault("kpi_unknown", f"there is no KPI {kpi!r}")
    definition, cell = line.definition, line.cell
    reasons = dict.fromkeys([*cell.excluded, *line.overall.excluded])
    excluded = [(reason, cell.excluded.get(reason, 0), line.overall.excluded.get(reason, 0)) for reason in reasons]
    moments = [c.last_us for c in (line.overall, line.current, cell) if c.last_us is not None]
    every_version = versions(house, asked, kpi)
    return {
        "line": line,
        "objective": _objective_of(card, kpi),
        "question": QUESTIONS[definition.question],
        "direction": words.direction_words(definition.direction),
        "rounding": _rounding(definition),
        "cadence": (
            f"a value every {definition.freshness.cadence}, "
            f"within {words.count_words(definition.freshness.grace_days, 'day')} of its end"
        ),
        "definition_json": json.dumps(
            definition.model_dump(mode="json", by_alias=True, exclude_none=True), indent=2, ensure_ascii=False
        ),
        # A split's further figures are its parts, which have a table of their own.
        "figures": [] if isinstance(definition.measure, Split) else further(definition, cell),
        "parts_of_it": [(part_title(definition, part.group), part) for part in line.parts],
        "excluded": [row for row in excluded if row[1] or row[2]],
        "freshest_us": max(moments, default=None),
        "rules": explanation(definition)[1:],
        "versions": every_version,
        "confirmed": confirmed(house, asked, line),
        **decided_figures(house, asked, kpi, definition.unit),
        **marks_of(house, asked, _plan_of(every_version), kpi, group="all"),
    }


def cell_figures(
    house: House, asked: Asked, kpi: str, version: int, period: str, group: str, offset: int, *, again: bool = False
) -> Figures:
    """The explanation of one cell, ``offset`` events into its list.

    Where many events stand behind it, it is counted again only when ``again`` asks for it, and says so.

    Raises ``Fault`` codes ``kpi_unknown``, ``period_invalid`` and ``group_unknown`` as the evaluator does.
    """
    told = house.explain(
        kpi,
        period,
        group,
        as_of=asked.as_of,
        version=version,
        limit=PAGE_ROWS,
        offset=offset,
        at_most=None if again else RECOMPUTED_AT_ONCE,
    )
    links, cell = asked.links, told.cell
    longest = max(told.event_count, told.row_count)
    kept = "yes" if again else ""
    return {
        "told": told,
        "part": part_title(told.definition, cell.group),
        "judged": cell.target is not None or cell.status in ("stale", "no_data", "unowned"),
        "figures": [*calculation(told.definition, cell), *further(told.definition, cell)],
        "excluded": [(reason, n) for reason, n in cell.excluded.items() if n],
        "events": [(row.event, row.superseded_by) for row in told.events],
        **marks_of(house, asked, _plan_of(versions(house, asked, kpi)), kpi, period=period, group=cell.group),
        "again": links.cell(cell, offset=offset or None, again="yes"),
        "before": links.cell(cell, offset=max(0, offset - PAGE_ROWS) or None, again=kept) if offset else "",
        "after": links.cell(cell, offset=offset + PAGE_ROWS, again=kept) if offset + PAGE_ROWS < longest else "",
    }


def calculation(definition: KpiDefinition, cell: Cell) -> list[tuple[str, str]]:
    """The arithmetic of a cell, step by step, as (name, words)."""
    measure, value = definition.measure, words.value_words(cell.value, cell.unit)
    top, below = words.number_words(cell.numerator), words.number_words(cell.denominator)
    if cell.denominator is not None and not cell.denominator:
        return [("Counted", f"nothing: of 0 {definition.unit_of_count} no share can be formed, so no value is given")]
    groups = isinstance(measure, Gap) and cell.group == "all"
    if (
        isinstance(measure, Share | Split | Return | Gap)
        and not groups
        and cell.numerator is not None
        and cell.denominator is not None
    ):
        return [
            ("Counted", f"{below} ({definition.unit_of_count})"),
            ("Of these, met the condition", top),
            ("Calculation", f"{top} ÷ {below} × 100 = {value}"),
        ]
    if isinstance(measure, Ratio):
        times = "" if measure.per == 1 else f" × {words.number_words(measure.per)}"
        return [
            ("Counted or added up", top),
            ("Set against", f"{below} ({definition.unit_of_count})"),
            ("Calculation", f"{top} ÷ {below}{times} = {value}"),
        ]
    if isinstance(measure, Mean | Concentration | Gap):
        return [("Counted", f"{below} ({definition.unit_of_count})")]
    if isinstance(measure, Percentile):
        place = "the middle one" if measure.at == 50 else f"the value below which {measure.at}% of them lie"
        steps = [("Measured", f"{below} ({definition.unit_of_count})")] if cell.denominator is not None else []
        return [*steps, ("Calculation", f"sorted by length, {place} is {value}")]
    if isinstance(measure, Value):
        parts = [("Reported", f"{value}, as measured outside this ledger")]
        if cell.numerator is not None and cell.denominator is not None:
            parts.append(("From", f"{top} of {below}"))
        return parts
    if isinstance(measure, Count | Total):
        return [("Counted", f"{value} ({definition.unit_of_count})")]
    return []


def further(definition: KpiDefinition, cell: Cell) -> list[tuple[str, str]]:
    """The statistics given beside the value, as (name, words)."""
    named: dict[str, tuple[str, str]] = {}
    measure = definition.measure
    if isinstance(measure, Percentile):
        for also in measure.also:
            if isinstance(also, AlsoPercentile):
                named[also.name] = (f"{also.at}% are at most", definition.unit)
            elif isinstance(also, AlsoShareAtMost):
                limit = words.value_words(also.limit, definition.unit)
                named[also.name] = (f"Share of at most {limit}", "percent")
            elif isinstance(also, AlsoDuration):
                said = "Median" if also.at == 50 else f"{also.at}th percentile"
                named[also.name] = (f"{said} {words.reason_words(also.name)}", definition.unit)
    if isinstance(measure, Ratio):
        named = {also.name: (words.title_words(also.name), definition.unit) for also in measure.also}
    if isinstance(measure, Mean):
        named = {"margin": ("Margin, 95%, either way", definition.unit)}
    if isinstance(measure, Gap):
        named = {"low": ("95% interval from", "percent"), "high": ("95% interval to", "percent")}
        named["ratio"] = ("Highest divided by lowest", "number")
    if isinstance(measure, Split):
        named = {name: (words.title_words(said), "percent") for name, said in part_names(measure).items()}
    told = []
    for name, value in cell.also.items():
        title, unit = named.get(name, (words.title_words(name), "percent"))
        told.append((title, words.value_words(value, unit)))
    return told


def part_title(definition: KpiDefinition, group: str) -> str:
    """A part of a split in words (``lag:11+`` → "11 or more days later"); "" for any other group."""
    measure = definition.measure
    if not isinstance(measure, Split) or not group.startswith(f"{measure.dimension}:"):
        return ""
    said = part_names(measure).get(group.partition(":")[2], "")
    return words.title_words(said)


def confirmed(house: House, asked: Asked, line: KpiLine) -> list[tuple[Cell, Cell]]:
    """The shown and the running cell as claimed, each with the same as confirmed; none where nobody else confirms
    anything that the KPI counts."""
    if line.problem or as_confirmed(line.definition) is None:
        return []
    pairs = []
    for cell in (line.cell, line.current):
        (other,) = cells_on(
            house,
            "confirmed",
            kpi=cell.kpi,
            version=cell.version,
            period=cell.period,
            group=cell.group,
            as_of=asked.as_of,
        )
        pairs.append((cell, other))
    return pairs


def versions(house: House, asked: Asked, kpi: str) -> list[Definition]:
    """Every version of a KPI's definition that is known, newest first."""
    with house.reading(asked.as_of) as connection:
        found = Definitions.load(connection).versions(kpi)
    return sorted(found, key=lambda entry: -entry.body.version)


def _plan_of(every_version: list[Definition]) -> str | None:
    return next((entry.plan for entry in every_version if entry.plan is not None), None)


def _objective_of(card: Scorecard, kpi: str) -> str:
    for plan in card.plans:
        for goal in plan.goals:
            for objective in goal.objectives:
                if any(line.definition.kpi == kpi for line in objective.lines):
                    return objective.statement
    return ""


def _rounding(definition: KpiDefinition) -> str:
    digits = definition.rounding.digits
    places = "a whole number" if digits == 0 else words.count_words(digits, "decimal")
    return f"To {places}; a half goes to the even digit. Nothing is rounded before."


def _title(card: Scorecard) -> str:
    titles = [plan.title or plan.plan for plan in card.plans]
    return titles[0] if len(titles) == 1 else "The partnership's scorecard"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _only(card: Scorecard, show: str, status: str) -> Scorecard:
    def lines(found: tuple[KpiLine, ...]) -> tuple[KpiLine, ...]:
        return tuple(line for line in found if shown(line, show).status == status)

    def plan(found: PlanSection) -> PlanSection:
        goals = []
        for goal in found.goals:
            objectives = [replace(o, lines=lines(o.lines)) for o in goal.objectives]
            if any(o.lines for o in objectives):
                goals.append(replace(goal, objectives=tuple(o for o in objectives if o.lines)))
        return replace(found, goals=tuple(goals), loose=lines(found.loose))

    return replace(card, plans=tuple(plan(p) for p in card.plans), unplanned=lines(card.unplanned))
