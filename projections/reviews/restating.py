"""Restatements: the numbers of a review that are others now, and the events that made them so.

Old and new are judged at the same moment, the review's, so that the passing of time alone restates nothing; and by the
same version of the definition, so that a changed definition is told as what it is. Cells that differ are found by
comparing figures; only what was recorded after the review is then examined.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from contracts.moments import local_epoch_day
from contracts.ports import LogReader
from contracts.recorded import Recorded
from projections.kpi.cells import Reading, no_figures
from projections.kpi.definitions import Definition
from projections.kpi.explaining import high_water
from projections.kpi.figures import Figures
from projections.kpi.measures import parts_of
from projections.kpi.question import Question
from projections.kpi.shapes import AsOf
from projections.reviews.causes import Events, Search
from projections.reviews.frozen import FIGURES, Snapshot, figures_json, judges
from projections.reviews.later import Later
from projections.reviews.shapes import CellName, Responsible, Restatement, Timing
from projections.reviews.standings import Values, standing_causes


@dataclass(frozen=True, slots=True)
class Changed:
    """A frozen number and what it is now; ``definition`` is the version that judged it at the review."""

    name: CellName
    definition: Definition
    old: Mapping[str, Any]
    new: Mapping[str, Any]


def restatements(
    connection: Connection,
    reader: LogReader,
    snapshot: Snapshot,
    zone: str,
    *,
    kpi: str | None = None,
    period: str | None = None,
    group: str | None = None,
) -> tuple[Restatement, ...]:
    """What the views in ``connection`` restate of a snapshot, of all its numbers or of some, ordered by name.

    Restated are numbers of periods that were over at the review, a number that nobody had then among them; the running
    periods and "all" were not final, so that what follows there is no restatement. Costs a count of each KPI that looks
    at the clock, and the events since the review about the rows that changed.
    """
    upto = high_water(connection)
    reading = Reading(connection, AsOf(snapshot.moment_us, upto), zone)
    found = list(changed(reading, snapshot, kpi=kpi, period=period, group=group))
    if not found:
        return ()
    later = Later.read(connection, reader, snapshot.as_of, upto)
    search = Search(connection, reader, later, zone, reading.definitions)
    by_version: dict[tuple[str, int], list[Changed]] = defaultdict(list)
    for one in found:
        by_version[one.definition.key].append(one)
    told = []
    for some in by_version.values():
        causes = _causes(search, reading, snapshot, some, upto)
        for one in some:
            indexes, kpis = causes[one.name]
            responsible = tuple(_responsible(e, search.later, snapshot, zone) for e in reader.at(sorted(indexes)))
            told.append(Restatement(one.name, one.definition.body.unit, one.old, one.new, responsible, kpis))
    return tuple(sorted(told, key=lambda restated: restated.name))


def changed(
    reading: Reading,
    snapshot: Snapshot,
    *,
    kpi: str | None = None,
    period: str | None = None,
    group: str | None = None,
) -> Iterable[Changed]:
    """The frozen numbers whose figures are others in a reading at the snapshot's moment."""
    then = snapshot.definitions(reading.definitions)
    frozen: dict[tuple[str, int], dict[tuple[str, str], Mapping[str, Any]]] = {}
    for (name, version, of_period, of_group), frozen_cell in snapshot.cells.items():
        frozen.setdefault((name, version), {})[of_period, of_group] = frozen_cell
    for definition in then:
        if definition.problem is not None or (kpi is not None and definition.body.kpi != kpi):
            continue
        was = frozen.get(definition.key, {})
        now = reading.figures(definition, None if period is None else [period], group)
        nothing = figures_json(no_figures(definition))
        for place in sorted({*was, *now}):
            if not snapshot.is_over(place[0], reading.zone) or (period or place[0], group or place[1]) != place:
                continue
            if not judges(then, definition, place[0], snapshot.moment_us, reading.zone):
                continue
            cell = was.get(place)
            old: Mapping[str, Any] = nothing if cell is None else {name: cell[name] for name in FIGURES}
            new = _figures(now.get(place), nothing)
            if old != new:
                yield Changed((*definition.key, *place), definition, old, new)


def _figures(found: Figures | None, nothing: Mapping[str, Any]) -> Mapping[str, Any]:
    return nothing if found is None else figures_json(found)


Cause = tuple[Events, tuple[str, ...]]
"""The events responsible, and the other KPIs through whose values they are."""


def _causes(
    search: Search, reading: Reading, snapshot: Snapshot, some: list[Changed], upto: int
) -> dict[CellName, Cause]:
    """What made each changed number of one KPI version another."""
    asked: dict[tuple[str, str], Cause] = {}
    found: dict[CellName, Cause] = {}
    for one in some:
        _, _, period, group = one.name
        body = one.definition.body
        # A part of a split is a share of the same rows as the whole.
        place = (period, "all" if group in parts_of(body) else group)
        if place not in asked:
            question = Question(body, *place, reading.as_of.moment_us, reading.zone, upto)
            if question.population.events == "plan":
                asked[place] = _of_standings(search, reading, snapshot, question)
            else:
                asked[place] = (search.causes(question), ())
        found[one.name] = asked[place]
    return found


def _of_standings(search: Search, reading: Reading, snapshot: Snapshot, question: Question) -> Cause:
    """What changed a number about the KPIs' own standings."""
    came: dict[tuple[str, int], list[Question]] = {}
    for one in changed(reading, snapshot, group="all"):
        body = one.definition.body
        if (one.old["value"] is None) != (one.new["value"] is None) and body.population != "kpi_status":
            asked = Question(body, one.name[2], "all", question.as_of_us, reading.zone, question.upto)
            came.setdefault(one.definition.key, []).append(asked)
    values = Values(
        {definition.key: reading.valued(definition) for definition in reading.definitions},
        {key: [asked.period for asked in questions] for key, questions in came.items()},
    )

    def causes(key: tuple[str, int]) -> Events:
        return {index for asked in came[key] for index in search.causes(asked)}

    return standing_causes(search, question, snapshot.definitions(reading.definitions), values, causes)


def _responsible(event: Recorded, later: Later, snapshot: Snapshot, zone: str) -> Responsible:
    timing: Timing = "undated"
    days = None
    if event.time_us is not None:
        timing = "late" if event.time_us <= snapshot.moment_us else "since"
    if event.time_us is not None and timing == "late":
        days = local_epoch_day(event.recorded_at_us, zone) - local_epoch_day(event.time_us, zone)
    return Responsible(event, timing, days, later.taken_by(event))
