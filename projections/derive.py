"""Rows that follow from a row: the obligations of a commitment, the versions of a KPI.

Here because a commitment is a promise over time, kept or broken period by period, and a KPI is one
definition after another. Each expansion is a pure function of the parent's row, so its rows are replaced
whenever that row changes and never drift from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import orjson

from contracts.moments import day_end_us, local_day, local_month
from projections.calendar import MONTHS_IN, first_month_of, last_day, period_text
from projections.merges import Expansion, json_text

PERIODS_MAX = 1_200
"""The most obligations one commitment expands to (a hundred years of months)."""


def obligations_of(row: Mapping[str, Any], zone: str) -> list[tuple[Any, ...]]:
    """The obligations of one commitment's row, in the order of ``OBLIGATIONS.columns``; none until it is
    made.

    A recurring commitment owes its quantity once a period that overlaps ``from``..``until``, by the end of
    the period's last day; a single one owes it by the end of ``due``. Where no quantity was
    promised, 1 is owed. Evidence is what the obligor itself stated: another's word for it fulfils nothing. It
    counts for the period it names, or else for the one in which it happened;
    evidence that names another kind of period, or neither names one nor is dated, counts for none. ``met_at``
    is when the cumulative evidence of the period first reached what is owed, by the time of the evidence
    (undated evidence counts last and gives no moment). A single commitment takes all its evidence.
    Acceptance, dispute and waiver work alike, except that one that names no period is about every period.
    """
    if not row["made"]:
        return []
    required = 1 if row["quantity"] is None else row["quantity"]
    owed = _owed(row)
    if not owed:
        return []
    recurrence = _loads(row["recurrence"])
    every = recurrence["every"] if recurrence else None
    single = owed[0][0]

    def place(entry: Mapping[str, Any]) -> str | None:
        if every is None:
            return single
        if entry["period"] is not None:
            return str(entry["period"])
        if entry["time"] is None:
            return None
        return _period_at(entry["time"], every, zone)

    evidence: dict[str | None, list[Any]] = {}
    for entry in _stated_by(row["obligor"], _loads(row["evidenced"]) or ()):
        evidence.setdefault(place(entry), []).append(entry)

    def about(column: str, period: str) -> list[Any]:
        named = (entry for entry in _loads(row[column]) or ())
        return [e for e in named if every is None or e["period"] is None or e["period"] == period]

    rows = []
    for period, due in owed:
        due_at = day_end_us(due.isoformat(), zone)
        delivered, accepted = evidence.get(period, []), about("accepted", period)
        disputed, waived = about("disputed", period), about("waived", period)
        quantity, met_at = _met(delivered, required)
        rows.append(
            (
                f"{row['commitment']}#{period}",
                row["commitment"],
                period,
                due_at,
                row["obligor"],
                row["obligee"],
                required,
                quantity,
                met_at,
                _first_time(accepted),
                int(bool(disputed)),
                int(bool(waived)),
                row["obligor"],
                local_month(due_at, zone),
                int(bool(delivered)),
                _first_time(delivered),
                int(bool(accepted)),
                _first_time(disputed),
                _first_time(waived),
                _another(accepted, row["obligor"]),
                _another(disputed, row["obligor"]),
            )
        )
    return rows


OBLIGATIONS = Expansion(
    table="obligations",
    key="key",
    parent="commitment",
    columns=(
        ("key", "text"),
        ("commitment", "text"),
        ("period", "text"),
        ("due_at", "integer"),
        ("obligor", "text"),
        ("obligee", "text"),
        ("required", "real"),
        ("evidenced_quantity", "real"),
        ("met_at", "integer"),
        ("accepted_at", "integer"),
        ("disputed", "integer"),
        ("waived", "integer"),
        ("agency", "text"),
        ("month", "text"),
        ("evidenced", "integer"),
        ("evidenced_at", "integer"),
        ("accepted", "integer"),
        ("disputed_at", "integer"),
        ("waived_at", "integer"),
        ("accepted_agency", "text"),
        ("disputed_agency", "text"),
    ),
    function=obligations_of,
    indexes=(("commitment",), ("month",)),
)
"""``period`` is the recurrence's period, or the due date of a single obligation. ``accepted``, ``disputed`` and
``waived`` say whether anybody stated it, ``evidenced`` whether the obligor did, dated or not; their moments are the
first that are known.
``accepted_agency`` and ``disputed_agency`` are the first other than the obligor that stated it, if any."""


def versions_of(row: Mapping[str, Any], zone: str) -> list[tuple[Any, ...]]:
    """The versions of one KPI, in the order of ``KPI_VERSIONS.columns``; of each the latest definition
    stands.

    A retirement that names no version is about every version defined up to its time. An unknown time counts
    as the earliest for a definition and is not held against a retirement.
    """
    latest: dict[int, Any] = {}
    for entry in sorted(_loads(row["defined"]) or (), key=_order):
        latest[entry["version"]] = entry
    retirements = sorted(_loads(row["retired"]) or (), key=_order)

    def ends(retirement: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
        if retirement["version"] is not None:
            return bool(retirement["version"] == entry["version"])
        return retirement["time"] is None or entry["time"] is None or entry["time"] <= retirement["time"]

    rows = []
    for version, entry in sorted(latest.items()):
        retired = next((r for r in reversed(retirements) if ends(r, entry)), None)
        rows.append(
            (
                f"{row['kpi']}#{version}",
                row["kpi"],
                version,
                entry["plan"],
                entry["objective"],
                json_text(entry["definition"]),
                entry["effective_from"],
                entry["owner"],
                entry["time"],
                None if retired is None else retired["time"],
                None if retired is None else 1,
                None if retired is None else retired["successor"],
            )
        )
    return rows


KPI_VERSIONS = Expansion(
    table="kpis",
    key="key",
    parent="kpi",
    columns=(
        ("key", "text"),
        ("kpi", "text"),
        ("version", "integer"),
        ("plan", "text"),
        ("objective", "text"),
        ("definition", "json"),
        ("effective_from", "text"),
        ("owner", "text"),
        ("defined_at", "integer"),
        ("retired_at", "integer"),
        ("retired", "integer"),
        ("successor", "text"),
    ),
    function=versions_of,
    indexes=(("kpi",),),
)
"""``retired`` is 1 where the version is retired, dated or not."""


def _order(entry: Mapping[str, Any]) -> tuple[bool, int, str, str]:
    """(time, source, id), an unknown time first: so that it loses to every known one where the last
    stands."""
    return (entry["time"] is not None, entry["time"] or 0, entry["source"], entry["id"])


def _loads(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def _stated_by(obligor: str, entries: Iterable[Any]) -> list[Any]:
    """What the obligor itself stated: no agency can claim in another's place."""
    return [entry for entry in entries if entry["agency"] == obligor]


def _another(entries: list[Any], obligor: str) -> str | None:
    """Who but the obligor stated something first, undated statements last."""
    others = (entry for entry in entries if entry["agency"] != obligor)
    first = min(others, key=lambda e: (e["time"] is None, e["time"] or 0, e["source"], e["id"]), default=None)
    return None if first is None else str(first["agency"])


def _first_time(entries: list[Any]) -> int | None:
    """The earliest moment among some statements; None where none is dated."""
    return min((entry["time"] for entry in entries if entry["time"] is not None), default=None)


def _owed(row: Mapping[str, Any]) -> list[tuple[str, dt.date]]:
    """(period, due day) of everything the commitment owes, in order."""
    recurrence = _loads(row["recurrence"])
    if recurrence is None:
        return [(row["due"], dt.date.fromisoformat(row["due"]))] if row["due"] else []
    every = recurrence["every"]
    start = dt.date.fromisoformat(recurrence["from"])
    until = dt.date.fromisoformat(recurrence["until"])
    if until < start:
        return []
    months = range(first_month_of(start, every), first_month_of(until, every) + 1, MONTHS_IN[every])
    return [(period_text(m, every), last_day(m, every)) for m in months[:PERIODS_MAX]]


def _period_at(us: int, every: str, zone: str) -> str:
    return period_text(first_month_of(dt.date.fromisoformat(local_day(us, zone)), every), every)


def _met(evidence: list[Any], required: float) -> tuple[float, int | None]:
    """(quantity evidenced in all, when it first reached ``required``).

    Added up as the decimal numbers that were stated: ten tenths are one, which as binary fractions they are not.
    """
    total = Fraction()
    met_at = None
    reached = False
    enough = _exact(required)
    ordered = sorted(evidence, key=lambda e: (e["time"] is None, e["time"] or 0, e["source"], e["id"]))
    for entry in ordered:
        total += _exact(entry["quantity"] or 0)
        if not reached and total >= enough:
            reached = True
            met_at = entry["time"]
    return float(total), met_at


def _exact(quantity: float) -> Fraction:
    """The shortest decimal number that this one stands for, which is the one that was stated."""
    return Fraction(repr(quantity))
