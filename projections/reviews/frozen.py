"""Freezing a plan's cells as they were known at one log_index and one moment, under one digest.

A snapshot is a function of the log alone, so that anyone who has the log can make it again and compare the digest;
it is made in the published form of the numbers, so that anyone who has the published cells can, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Connection

from contracts.canonical import canonical_bytes, digest
from contracts.limits import NUMBER_MAX
from contracts.moments import format_us
from projections.kpi.cells import Reading
from projections.kpi.definitions import Definition, Definitions
from projections.kpi.figures import Figures
from projections.kpi.periods import bounds_us
from projections.kpi.scorecard import judging, line
from projections.kpi.shapes import AsOf, Cell
from projections.reviews.shapes import CellName

FIGURES = ("value", "numerator", "denominator", "excluded", "also", "counts")
"""The published figures of a frozen cell: what a restatement restates. The others say how they were judged."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The cell by which a KPI stood on the scorecard, and where in the plan."""

    kpi: str
    version: int
    period: str
    title: str
    unit: str
    objective: str
    direction: str

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Known:
    """A version of a KPI as it was known: enough to tell which version judged which period, and by what."""

    kpi: str
    version: int
    fingerprint: str
    effective_from: str | None
    retired: bool
    retired_at_us: int | None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The cells of one plan as known at ``as_of`` (a log_index) and judged at ``moment_us``.

    ``cells`` are frozen cells by name, in their order; ``shown`` the scorecard's lines; ``known`` every version of
    the plan's KPIs. ``sha256`` is that of the canonical JSON (RFC 8785) of the list of cells, in hexadecimal.
    """

    plan: str
    as_of: int
    moment_us: int
    cells: Mapping[CellName, Mapping[str, Any]]
    shown: tuple[Shown, ...] = ()
    known: tuple[Known, ...] = ()
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha256", digest(cells_bytes(self.cells.values())).hex())

    def definitions(self, now: Definitions) -> Definitions:
        """The plan's definitions as they were known, their bodies taken from ``now``, which has them all still."""
        found = []
        for one in self.known:
            definition = now.get(one.kpi, one.version)
            if definition is not None and definition.fingerprint == one.fingerprint:
                found.append(
                    replace(
                        definition,
                        effective_from=one.effective_from,
                        retired=one.retired,
                        retired_at_us=one.retired_at_us,
                    )
                )
        return Definitions(found)

    def is_over(self, period: str, zone: str) -> bool:
        """Whether a period had ended by the review: only then is its number final enough to be restated."""
        ends = bounds_us(period, zone)
        return ends is not None and ends[1] <= self.moment_us

    def to_json(self) -> dict[str, Any]:
        return {
            "plan": self.plan,
            "as_of": self.as_of,
            "moment": format_us(self.moment_us),
            "cells_sha256": self.sha256,
            "cells": list(self.cells.values()),
        }


def freeze(connection: Connection, plan: str, as_of: AsOf, zone: str) -> Snapshot:
    """The snapshot of a plan from views that hold exactly the log up to ``as_of.log_index``.

    Frozen are the cells of every KPI of the plan that is not retired at the moment: every period there is, "all" and
    the running ones among them, every group, and of each period the version that judges it.
    """
    if as_of.log_index is None:
        raise ValueError("a snapshot is of one log_index")
    reading = Reading(connection, as_of, zone)
    cells: dict[CellName, Mapping[str, Any]] = {}
    shown = []
    known = []
    for kpi, versions in _of_plan(reading, plan):
        for definition in versions:
            known.append(_known(definition))
            for (period, group), figures in reading.figures(definition).items():
                if judges(reading.definitions, definition, period, as_of.moment_us, zone):
                    cell = reading.cell(definition, period, group, figures)
                    cells[kpi, definition.body.version, period, group] = frozen_cell(cell)
        shown.append(_shown(reading, versions[-1], kpi))
    return Snapshot(plan, as_of.log_index, as_of.moment_us, dict(sorted(cells.items())), tuple(shown), tuple(known))


def judges(definitions: Definitions, definition: Definition, period: str, moment_us: int, zone: str) -> bool:
    """Whether this is the version by which a period is judged."""
    found = definitions.of_period(definition.body.kpi, period, moment_us, zone)
    return found is not None and found.key == definition.key


def frozen_cell(cell: Cell) -> dict[str, Any]:
    """A cell as it is frozen: which it is, its figures, and how it was judged. Free text and what merely dates it are
    left out, so that better words in a later version of this program change no digest."""
    return {
        "kpi": cell.kpi,
        "version": cell.version,
        "period": cell.period,
        "group": cell.group,
        "unit": cell.unit,
        **figures_json(cell),
        "target": _number(cell.target),
        "status": cell.status,
        "owner": cell.owner,
    }


def figures_json(figures: Figures | Cell) -> dict[str, Any]:
    """The published figures as JSON values, those of ``FIGURES``."""
    return {
        "value": _number(figures.value),
        "numerator": _number(figures.numerator),
        "denominator": _number(figures.denominator),
        "excluded": {reason: n for reason, n in sorted(figures.excluded.items()) if n},
        "also": {name: _number(value) for name, value in sorted(figures.also.items())},
        "counts": {name: n for name, n in sorted(figures.counts.items()) if n},
    }


def cells_bytes(cells: Iterable[Mapping[str, Any]]) -> bytes:
    """The canonical JSON of frozen cells, over which their digest is taken."""
    return canonical_bytes([dict(cell) for cell in cells])


def _number(value: int | Decimal | None) -> int | float | None:
    """A JSON number; beyond the whole numbers that JSON keeps exactly, the nearest float."""
    if value is None:
        return None
    whole = int(value) if value == int(value) else None
    return float(value) if whole is None or abs(whole) > NUMBER_MAX else whole


def _of_plan(reading: Reading, plan: str) -> list[tuple[str, list[Definition]]]:
    """The plan's KPIs that are not retired, each with all its versions, lowest first."""
    found = []
    for kpi in reading.definitions.kpis():
        standing = reading.definitions.current(kpi, reading.as_of.moment_us, reading.zone)
        if standing is None or standing.retired_by(reading.as_of.moment_us):
            continue
        versions = reading.definitions.versions(kpi)
        if plan in {version.plan for version in versions}:
            found.append((kpi, versions))
    return found


def _known(definition: Definition) -> Known:
    return Known(
        definition.body.kpi,
        definition.body.version,
        definition.fingerprint,
        definition.effective_from,
        definition.retired,
        definition.retired_at_us,
    )


def _shown(reading: Reading, any_version: Definition, kpi: str) -> Shown:
    standing = reading.definitions.current(kpi, reading.as_of.moment_us, reading.zone) or any_version
    definition = judging(reading, standing)
    body = definition.body
    period = line(reading, definition, every_period=False).cell.period
    return Shown(kpi, body.version, period, body.title, body.unit, definition.objective or "", body.direction)
