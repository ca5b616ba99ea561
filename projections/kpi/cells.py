"""Reading cells: stored figures with their target, freshness and status at a moment.

Figures are stored, standings are not: whether a number is stale, owned or on track depends on the moment of
reading. Where the clock has moved on since a KPI was counted, what the moment changes is counted again
here, without writing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.faults import FAULTS, Problem, RejectedFault
from contracts.kpi import Concentration, Count, Gap, Total
from projections.kpi import built, counting, status, stored, tables
from projections.kpi.definitions import Definition, Definitions
from projections.kpi.measures import ALL_GROUPS, CellKey, Figures, cell_figures, parts_of
from projections.kpi.partners import Membership, is_live, memberships
from projections.kpi.periods import ALL, current, is_period
from projections.kpi.populations import table_of
from projections.kpi.refresh import ZONE, dating_only, refresh
from projections.kpi.shapes import AsOf, Cell
from projections.kpi.tables import CELLS, COMPUTED


@dataclass(frozen=True, slots=True)
class Target:
    """What a plan aims at for one KPI."""

    targets: tuple[dict[str, Any], ...]
    bands: status.Bands
    baseline: dict[str, Any] | None


def no_figures(definition: Definition) -> Figures:
    """The figures of a cell in which nothing fell."""
    counts_rows = definition.body.measure.kind in ("share", "split", "count", "total", "ratio", "gap", "return")
    zero = 0 if counts_rows else None
    return Figures(None, zero, 0 if definition.body.measure.kind != "value" else None)


class Reading:
    """One reading of one snapshot at one moment. Loads what it needs once; never writes.

    ``zone`` is the partnership's time zone; by default that in which the cells were computed.
    """

    def __init__(self, connection: Connection, as_of: AsOf, zone: str | None = None) -> None:
        self.connection = connection
        self.as_of = as_of
        self._ready = tables.prepared(connection)
        kept = stored.setting(connection, ZONE) if self._ready else None
        self.zone = zone or kept or "UTC"
        self.definitions = Definitions.load(connection)
        self._grouped: dict[tuple[str, int], dict[str, set[str]]] = {}
        self._overlays: dict[tuple[str, int], dict[CellKey, Figures] | None] = {}

    @cached_property
    def month(self) -> str:
        """The month in which the reading takes place."""
        return current(self.as_of.moment_us, self.zone, "month")

    @cached_property
    def _computed(self) -> dict[tuple[str, int], Any]:
        if not self._ready:
            return {}
        return {(row.kpi, row.version): row for row in self.connection.execute(select(COMPUTED))}

    @cached_property
    def partners(self) -> dict[str, Membership]:
        """The comings and goings of the partners."""
        return memberships(self.connection)

    @cached_property
    def _silent(self) -> list[tuple[str, str, int]]:
        return built.silent_feeds(self.connection, self.as_of.moment_us, self.zone)

    @cached_property
    def _targets(self) -> dict[tuple[str | None, str], Target]:
        table = table_of("targets")
        found: dict[tuple[str | None, str], Target] = {}
        for row in self.connection.execute(select(table).order_by(table.c.key)).mappings():
            bands = orjson.loads(row["bands"]) if row["bands"] else {}
            found[row["plan"], row["kpi"]] = Target(
                tuple(orjson.loads(row["targets"]) if row["targets"] else ()),
                status.Bands(Decimal(str(bands.get("on_track", 0))), Decimal(str(bands.get("watch", 0)))),
                orjson.loads(row["baseline"]) if row["baseline"] else None,
            )
        return found

    def target(self, definition: Definition) -> Target | None:
        """The target of a KPI in its plan."""
        return self._targets.get((definition.plan, definition.body.kpi))

    @cached_property
    def _valued(self) -> dict[tuple[str, int], set[str]]:
        found = counting.valued_periods(self.connection) if self._ready else {}
        return dating_only(self.definitions, found)

    def valued(self, definition: Definition, group: str = ALL_GROUPS) -> set[str]:
        """The months (or reported periods) in which a KPI has a value, for everyone or for one group."""
        recounted = self._recounted(definition)
        if recounted is None:
            if group == ALL_GROUPS:
                return self._valued.get(definition.key, set())
            return self._valued_by_group(definition).get(group, set())
        return {
            period
            for (period, name), figures in recounted.items()
            if name == group and figures.value is not None and counting.dating(definition.body, period)
        }

    def _valued_by_group(self, definition: Definition) -> dict[str, set[str]]:
        key = definition.key
        if key not in self._grouped:
            found: dict[str, set[str]] = {}
            for group, period in counting.valued_groups(self.connection, key):
                if counting.dating(definition.body, period):
                    found.setdefault(group, set()).add(period)
            self._grouped[key] = found
        return self._grouped[key]

    def _recounted(self, definition: Definition) -> dict[CellKey, Figures] | None:
        """Every cell's figures at this moment where the stored ones are of another; None where they
        stand."""
        if definition.key not in self._overlays:
            self._overlays[definition.key] = self._recount(definition)
        return self._overlays[definition.key]

    def _recount(self, definition: Definition) -> dict[CellKey, Figures] | None:
        body = definition.body
        if definition.problem is not None:
            return {}
        computed = self._computed.get(definition.key)
        moment = self.as_of.moment_us
        months: set[str] | None = None
        if computed is not None and computed.fingerprint == definition.fingerprint:
            if not counting.clock_dependent(body):
                return None
            earlier = moment < computed.as_of_us
            if not earlier and (computed.next_change_us is None or moment < computed.next_change_us):
                return None
            if not earlier and not counting.counted_whole(body):
                months = stored.expired_months(self.connection, definition.key, moment)
                months |= counting.places_due(body, computed.as_of_us, moment, self.zone)
        count = counting.count(
            self.connection,
            body,
            moment,
            self.zone,
            months=months,
            definitions=self.definitions,
            valued=lambda: self._valued_for(definition),
        )
        kept = stored.partials(self.connection, definition.key) if months is not None else {}
        others = [(place, part) for place, part in kept.items() if months is None or place[0] not in months]
        return cell_figures(body, [*others, *count.partials.items()])

    def _valued_for(self, asking: Definition) -> dict[tuple[str, int], set[str]]:
        return {
            definition.key: self.valued(definition)
            for definition in self.definitions
            if definition.body.population != asking.body.population
        }

    def figures(
        self, definition: Definition, periods: Iterable[str] | None = None, group: str | None = None
    ) -> dict[CellKey, Figures]:
        """The figures of a KPI's cells: of all periods or some, of all groups or one."""
        wanted = None if periods is None else set(periods)
        recounted = self._recounted(definition)
        if recounted is not None:
            return {
                cell: found
                for cell, found in recounted.items()
                if (wanted is None or cell[0] in wanted) and (group is None or cell[1] == group)
            }
        if wanted is None and group == ALL_GROUPS:
            return self._everyone.get(definition.key, {})
        query = select(CELLS).where(CELLS.c.kpi == definition.body.kpi, CELLS.c.version == definition.body.version)
        if wanted is not None:
            query = query.where(CELLS.c.period.in_(sorted(wanted)))
        if group is not None:
            query = query.where(CELLS.c.grp == group)
        return {
            (row["period"], row["grp"]): stored.figures_of(row) for row in self.connection.execute(query).mappings()
        }

    @cached_property
    def _everyone(self) -> dict[tuple[str, int], dict[CellKey, Figures]]:
        """The stored figures of every KPI's cells for everyone, in one read."""
        found: dict[tuple[str, int], dict[CellKey, Figures]] = {}
        for row in self.connection.execute(select(CELLS).where(CELLS.c.grp == ALL_GROUPS)).mappings():
            cells_of = found.setdefault((row["kpi"], row["version"]), {})
            cells_of[row["period"], row["grp"]] = stored.figures_of(row)
        return found

    def owned(self, definition: Definition) -> bool:
        """Whether a partner answers for the number at this moment."""
        return is_live(definition.owner, self.partners, self.as_of.moment_us)

    def silent(self, definition: Definition, group: str) -> list[tuple[str, int]]:
        """The feeds a cell lives on whose latest due report is missing, with when it was due."""
        families = set(definition.body.freshness.feeds)
        agency = group.partition(":")[2] if group.startswith("agency:") else None
        return [
            (f"{speaker}/{family}", due)
            for speaker, family, due in (self._silent if families else ())
            if family in families and (agency is None or speaker == agency)
        ]

    def cell(
        self,
        definition: Definition,
        period: str,
        group: str,
        figures: Figures | None,
        *,
        valued: Iterable[str] | None = None,
        current_line: bool = False,
    ) -> Cell:
        """A cell with its standing.

        ``valued`` are the periods in which the group has a value, looked up by default. ``current_line``
        judges freshness at the moment of reading whatever the period. A KPI's target is held against its
        groups too, for a rate means the same for each; not against the parts of a split, nor a group's
        share of a count, nor what is between groups.
        """
        found = figures or no_figures(definition)
        body = definition.body
        of_part = group in parts_of(body)
        if valued is None:
            valued = self.valued(definition, ALL_GROUPS if of_part else group)
        stale = status.staleness(
            body,
            ALL if current_line else period,
            [month for month in valued if status.lies_within(month, period)] if current_line else valued,
            self.silent(definition, group),
            self.as_of.moment_us,
            self.zone,
        )
        aim = self.target(definition)
        of_count = isinstance(body.measure, Count | Total | Gap | Concentration) and group != ALL_GROUPS
        target = None
        if aim is not None and not of_part and not of_count:
            target = status.target_for(aim.targets, period, self.month)
        judged = status.standing(
            value=found.value,
            staleness=stale,
            owned=self.owned(definition),
            target=target,
            direction=body.direction,
            bands=aim.bands if aim is not None else status.Bands(),
        )
        reason = judged.reason
        if definition.problem is not None:
            reason = f"the definition cannot be computed: {definition.problem.detail}"
        return Cell(
            kpi=body.kpi,
            version=body.version,
            period=period,
            group=group,
            unit="percent" if isinstance(body.measure, Gap) and group != ALL_GROUPS else body.unit,
            value=found.value,
            numerator=found.numerator,
            denominator=found.denominator,
            status=judged.status,
            target=target,
            excluded={r.reason: found.excluded[r.reason] for r in body.exclude if found.excluded.get(r.reason)}
            | {reason: n for reason, n in found.excluded.items() if n},
            also=dict(found.also),
            counts=dict(found.counts),
            last_us=found.last_us,
            stale_since_us=None if stale is None else stale.since_us,
            status_reason=reason,
            owner=definition.owner,
            title=body.title,
            direction=body.direction,
        )


def unknown_kpi(kpi: str, version: int | None = None) -> RejectedFault:
    """The fault for a KPI this ledger does not have."""
    spec = FAULTS["kpi_unknown"]
    named = kpi if version is None else f"{kpi} version {version}"
    return RejectedFault(Problem(spec.code, spec.title, f"there is no KPI {named}", hint=spec.hint))


def chosen(reading: Reading, kpi: str | None, version: int | None, period: str | None = None) -> list[Definition]:
    """The definitions asked for: one version, or of one KPI or every KPI the version by which ``period`` is judged
    (without one, the version that counts at the moment of reading).

    Raises RejectedFault ``kpi_unknown``.
    """
    definitions = reading.definitions
    moment = reading.as_of.moment_us
    if kpi is None:
        found = [definitions.of_period(name, period, moment, reading.zone) for name in definitions.kpis()]
        return [definition for definition in found if definition is not None]
    one = definitions.of_period(kpi, period, moment, reading.zone) if version is None else definitions.get(kpi, version)
    if one is None:
        raise unknown_kpi(kpi, version)
    return [one]


def cells(
    connection: Connection,
    *,
    kpi: str | None = None,
    period: str | None = None,
    group: str | None = None,
    as_of: AsOf,
    version: int | None = None,
    zone: str | None = None,
) -> list[Cell]:
    """Cells at a moment, ordered by KPI, period and group ("all" first).

    Without ``kpi``, of every KPI; without ``version``, of the version by which the period is judged, or without
    a period of the one that counts at the moment. A
    KPI that has nothing in the period asked for is given as a cell without data. Raises RejectedFault
    ``kpi_unknown`` and, of one KPI, ``group_unknown``.
    """
    reading = Reading(connection, as_of, zone)
    found: list[Cell] = []
    known = kpi is None or group in (None, ALL_GROUPS)
    for definition in chosen(reading, kpi, version, period):
        figures = reading.figures(definition, None if period is None else [period], group)
        known = known or group in parts_of(definition.body) or any(name == group for _, name in figures)
        for month, name in sorted(figures, key=lambda cell: (cell[0], cell[1] != ALL_GROUPS, cell[1])):
            found.append(reading.cell(definition, month, name, figures[month, name]))
        if period is not None and is_period(period) and (period, group or ALL_GROUPS) not in figures:
            found.append(reading.cell(definition, period, group or ALL_GROUPS, None))
    if not known:
        spec = FAULTS["group_unknown"]
        detail = f"{kpi} has no group {group!r}" + (f" in {period}" if period else "")
        raise RejectedFault(Problem(spec.code, spec.title, detail, hint=spec.hint))
    return found


__all__ = ["Reading", "cells", "chosen", "refresh", "unknown_kpi"]
