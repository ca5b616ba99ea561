"""Which KPI definitions there are: the library, overlaid by what the plan defined.

A plan may define a KPI anew under a higher version, or take a library one over by naming it; both versions
stay computable over the same periods. A KPI in no plan has no owner and is shown so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.engine import Connection

from contracts.faults import FAULTS, Problem
from contracts.kpi import KpiDefinition
from projections.kpi.check import check_definition
from projections.kpi.periods import day_start_us, days_of, is_period, local_date
from projections.kpi.populations import table_of


@dataclass(frozen=True, slots=True)
class Definition:
    """One KPI version with its place in the plan.

    ``plan`` and ``objective`` are None for a library KPI in no plan. ``effective_from`` is a local date
    (None: always); ``retired_at_us`` is set once it is retired (None where it is not), ``retired`` says so
    even where the moment is unknown. ``problem`` says why it cannot be computed.
    """

    body: KpiDefinition
    fingerprint: str
    owner: str | None = None
    plan: str | None = None
    objective: str | None = None
    effective_from: str | None = None
    retired: bool = False
    retired_at_us: int | None = None
    problem: Problem | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.body.kpi, self.body.version

    def retired_by(self, moment_us: int) -> bool:
        """Whether the version is retired at a moment; where nobody knows since when, it is at every one."""
        return self.retired and (self.retired_at_us is None or self.retired_at_us <= moment_us)

    def in_effect(self, day: str) -> bool:
        """Whether the version has taken effect by a local day."""
        return self.effective_from is None or self.effective_from <= day


@lru_cache(maxsize=512)
def parse(text: str) -> Definition:
    """A definition from its JSON text, checked against its population. Raises ValidationError."""
    body = KpiDefinition.model_validate_json(text)
    digest = hashlib.sha256(body.model_dump_json(by_alias=True).encode()).hexdigest()
    return Definition(body, digest, problem=check_definition(body))


@lru_cache(maxsize=1)
def library() -> dict[str, Definition]:
    """The definitions that come with the house, by KPI."""
    folder = resources.files("projections.kpi") / "library"
    found = [
        parse(entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".json")
    ]
    return {definition.body.kpi: definition for definition in found}


class Definitions:
    """All definitions of one ledger, as its read models stand.

    ``broken`` maps a planned KPI version to what is wrong with a definition that could not even be read.
    """

    def __init__(self, entries: list[Definition], broken: dict[tuple[str, int], Problem] | None = None) -> None:
        self.entries = sorted(entries, key=lambda entry: entry.key)
        self.broken = broken or {}
        self._by_key = {entry.key: entry for entry in self.entries}

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.entries)

    def get(self, kpi: str, version: int) -> Definition | None:
        """One version, or None."""
        return self._by_key.get((kpi, version))

    def versions(self, kpi: str) -> list[Definition]:
        """Every version of a KPI, lowest first."""
        return [entry for entry in self.entries if entry.body.kpi == kpi]

    def kpis(self) -> list[str]:
        """The KPI ids in order."""
        return sorted({entry.body.kpi for entry in self.entries})

    def current(self, kpi: str, moment_us: int, zone: str) -> Definition | None:
        """The version that counts at a moment.

        The highest that has taken effect and is not retired by then; failing that the highest that has taken
        effect; failing that the lowest of all. None for an unknown KPI.
        """
        versions = self.versions(kpi)
        if not versions:
            return None
        day = local_date(moment_us, zone).isoformat()
        effective = [v for v in versions if v.in_effect(day)]
        active = [v for v in effective if not v.retired_by(moment_us)]
        return (active or effective or versions[:1])[-1]

    def of_period(self, kpi: str, period: str | None, moment_us: int, zone: str) -> Definition | None:
        """The version by which a period is judged, whenever it is read: the one that counted as it began.

        Of a KPI that first took effect during the period, the version that did. Of no period, of "all" and of
        one that has not begun, the version that counts at ``moment_us``. None for an unknown KPI.
        """
        days = None if period is None or not is_period(period) else days_of(period)
        if days is None:
            return self.current(kpi, moment_us, zone)
        began_us = day_start_us(days[0], zone)
        if began_us > moment_us:
            return self.current(kpi, moment_us, zone)
        versions = self.versions(kpi)
        if any(v.in_effect(days[0].isoformat()) for v in versions):
            return self.current(kpi, began_us, zone)
        during = [v for v in versions if v.in_effect(days[1].isoformat())]
        first = min(during, key=lambda v: (v.effective_from or "", v.body.version), default=None)
        return first or self.current(kpi, began_us, zone)

    @staticmethod
    def library() -> list[KpiDefinition]:
        """The definitions that come with the house, by KPI id."""
        return [definition.body for _, definition in sorted(library().items())]

    @classmethod
    def load(cls, connection: Connection) -> Definitions:
        """The library overlaid by the rows of ``kpis``."""
        table = table_of("kpis")
        entries = {definition.key: definition for definition in library().values()}
        broken: dict[tuple[str, int], Problem] = {}
        for row in connection.execute(select(table).order_by(table.c.key)).mappings():
            if row["kpi"] is None or row["version"] is None:
                continue
            key = (row["kpi"], row["version"])
            planned = _planned(row)
            if isinstance(planned, Definition):
                entries[key] = planned
            else:
                broken[key] = planned
        return cls(list(entries.values()), broken)


def _planned(row: Any) -> Definition | Problem:
    text = row["definition"]
    if text is None:
        known = library().get(row["kpi"])
        if known is None or known.body.version != row["version"]:
            return _invalid("", "the plan does not define the KPI, and the library has no such version")
        parsed = known
    else:
        try:
            parsed = parse(text)
        except ValidationError as error:
            first = error.errors()[0]
            return _invalid("/" + "/".join(str(step) for step in first["loc"]), first["msg"])
    return Definition(
        parsed.body,
        parsed.fingerprint,
        owner=row["owner"],
        plan=row["plan"],
        objective=row["objective"],
        effective_from=row["effective_from"],
        retired=bool(row["retired"]),
        retired_at_us=row["retired_at"],
        problem=parsed.problem,
    )


def _invalid(pointer: str, detail: str) -> Problem:
    spec = FAULTS["definition_invalid"]
    return Problem(spec.code, spec.title, detail, pointer=pointer, hint=spec.hint)
