"""What derived columns and following rows mean, written a second time and shared with nothing.

Here because a law that compares a function with itself holds whatever the function says. Nothing in here is
quick: it looks at every day, and at every subset that matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, groupby
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from projections.merges import Derived, Expansion

Row = Mapping[str, Any]
Entry = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def derived(column: Derived, zone: str, values: list[Any]) -> Any:
    """The value of a derived column. KeyError where a function has no second meaning here yet."""
    return DERIVED[column.function.__name__](zone, *values)


def following(expansion: Expansion, row: Row, zone: str) -> list[tuple[Any, ...]]:
    """The rows that follow from a row. KeyError where an expansion has no second meaning here yet."""
    names = [name for name, _ in expansion.columns]
    return [tuple(found[name] for name in names) for found in FOLLOWING[expansion.table](row, zone)]


def obligations(row: Row, zone: str) -> list[Row]:
    """One obligation a period, or one in all, of a commitment that was made."""
    if row["made"] is None:
        return []
    recurrence = entries(row["recurrence"])
    every = recurrence["every"] if recurrence else None
    if recurrence:
        # Every day from the first to the last, and beyond it to the end of its period.
        day, last = date.fromisoformat(recurrence["from"]), date.fromisoformat(recurrence["until"])
        days = []
        while day <= last or period_of(day, every) == period_of(last, every):
            days.append(day)
            day += timedelta(days=1)
        due = {name: max(found) for name, found in groupby(days, key=lambda day: period_of(day, every))}
    else:
        due = {row["due"]: date.fromisoformat(row["due"])} if row["due"] else {}

    def names(said: Entry, period: str) -> bool:
        return every is None or said["period"] == period

    def is_evidence(said: Entry, period: str) -> bool:
        if every is None or said["period"] is not None:
            return names(said, period)
        return said["time"] is not None and period_of(local(said["time"], zone).date(), every) == period

    found = []
    for period, day in due.items():
        own = [said for said in entries(row["evidenced"]) if said["agency"] == row["obligor"]]
        evidence = [said for said in own if is_evidence(said, period)]
        accepted, disputed, waived = (
            [said for said in entries(row[column]) if said["period"] is None or names(said, period)]
            for column in ("accepted", "disputed", "waived")
        )
        dated = sorted((s for s in evidence if s["time"] is not None), key=lambda s: (s["time"], s["source"], s["id"]))
        sums = accumulate(stated(said["quantity"]) for said in dated)
        required = row["quantity"] or 1
        enough = [said["time"] for said, total in zip(dated, sums, strict=True) if total >= stated(required)]
        due_us = midnight_us(day + timedelta(days=1), zone) - 1
        found.append(
            {
                "key": row["commitment"] + "#" + period,
                "commitment": row["commitment"],
                "period": period,
                "due_at": due_us,
                "month": day.isoformat()[:7],
                "obligor": row["obligor"],
                "obligee": row["obligee"],
                "agency": row["obligor"],
                "required": required,
                "evidenced_quantity": float(sum(stated(said["quantity"]) for said in evidence)),
                "met_at": enough[0] if enough else None,
                "evidenced": 1 if evidence else 0,
                "evidenced_at": first_time(evidence),
                "accepted": 1 if accepted else 0,
                "accepted_at": first_time(accepted),
                "accepted_agency": others_first(row["obligor"], accepted, "agency"),
                "disputed": 1 if disputed else 0,
                "disputed_at": first_time(disputed),
                "disputed_agency": others_first(row["obligor"], disputed, "agency"),
                "waived": 1 if waived else 0,
                "waived_at": first_time(waived),
            }
        )
    return found


def versions(row: Row, zone: str) -> list[Row]:
    """One row a version: its latest definition, and the latest retirement that ends it."""
    found = []
    definitions = entries(row["defined"])
    for version in {said["version"] for said in definitions}:
        stands = latest([said for said in definitions if said["version"] == version])
        assert stands is not None
        ends = latest(
            [
                said
                for said in entries(row["retired"])
                if said["version"] == version
                or (
                    said["version"] is None
                    and (said["time"] is None or stands["time"] is None or stands["time"] <= said["time"])
                )
            ]
        )
        found.append(
            {
                "key": f"{row['kpi']}#{version}",
                "kpi": row["kpi"],
                "version": version,
                **{name: stands[name] for name in ("plan", "objective", "effective_from", "owner")},
                "definition": orjson.dumps(stands["definition"], option=orjson.OPT_SORT_KEYS).decode(),
                "defined_at": stands["time"],
                "retired_at": ends["time"] if ends else None,
                "retired": 1 if ends else None,
                "successor": ends["successor"] if ends else None,
            }
        )
    return found


def attendances(row: Row, zone: str) -> list[Row]:
    """One row an agency that the organiser names or that speaks for itself."""
    counted = orjson.loads(row["attendees_by_agency"] or "{}")
    confirmations, disputes = entries(row["confirmations"]), entries(row["disputes"])
    found = []
    for agency in set(counted) | {said["agency"] for said in (*confirmations, *disputes)}:
        own = [said for said in confirmations if said["agency"] == agency]
        against = [said for said in disputes if said["agency"] == agency]
        stands = latest(own)
        found.append(
            {
                "key": row["training"] + "#" + agency,
                "training": row["training"],
                "agency": agency,
                "organiser": row["agency"],
                "attendees": counted.get(agency),
                "held": row["held"],
                "held_at": row["held_at"],
                "month": row["month"],
                "confirmed": 1 if own else 0,
                "confirmed_attendees": stands["attendees"] if stands else None,
                "confirmed_at": first_time(own),
                "disputed": 1 if against else 0,
                "disputed_at": first_time(against),
            }
        )
    return found


FOLLOWING: dict[str, Callable[[Row, str], list[Row]]] = {
    "obligations": obligations,
    "kpis": versions,
    "attendances": attendances,
}


def score(items: str) -> float | None:
    """The mean of the scores there are, where they are more than those there are not."""
    scores = [item["score"] for item in orjson.loads(items)]
    there = [Fraction(score) for score in scores if score is not None]
    return float(sum(there) / len(there)) if len(there) > scores.count(None) else None


def others(claimer: str | None, stated: list[Entry]) -> list[Entry]:
    """What agencies other than the claimer stated."""
    return [said for said in stated if said["agency"] != claimer]


def others_first(claimer: str | None, stated: list[Entry], field: str) -> Any:
    """A field of what another agency than the claimer stated first; a dated one before any undated one."""
    pool = others(claimer, stated)
    pool = [said for said in pool if said["time"] is not None] or pool
    order = sorted(pool, key=lambda said: (said["time"] or 0, said["source"], said["id"]))
    return order[0][field] if order else None


def others_last(claimer: str | None, stated: str | None, field: str) -> Any:
    """A field of what another agency than the claimer stated last."""
    stands = latest(others(claimer, entries(stated)))
    return stands[field] if stands else None


DERIVED: dict[str, Callable[..., Any]] = {
    "coalesce": lambda zone, *values: next((value for value in values if value is not None), None),
    "earliest": lambda zone, *moments: min((us for us in moments if us is not None), default=None),
    "any_won": lambda zone, *flags: 1 if 1 in flags else None,
    "month_of": lambda zone, us: None if us is None else f"{local(us, zone):%Y-%m}",
    "month_of_day": lambda zone, day: day and "-".join(day.split("-")[:2]),
    "month_of_day_or": lambda zone, day, us: (
        "-".join(day.split("-")[:2]) if day else None if us is None else f"{local(us, zone):%Y-%m}"
    ),
    "day_end": lambda zone, day: day and midnight_us(date.fromisoformat(day) + timedelta(days=1), zone) - 1,
    "score_of": lambda zone, items: items and score(items),
    "first_stated": lambda zone, claimer, stated: 1 if others(claimer, entries(stated)) else None,
    "first_time": lambda zone, claimer, stated: others_first(claimer, entries(stated), "time"),
    "first_agency": lambda zone, claimer, stated: others_first(claimer, entries(stated), "agency"),
    "last_units": lambda zone, claimer, stated: others_last(claimer, stated, "units"),
    "last_amount": lambda zone, claimer, stated: others_last(claimer, stated, "amount_minor"),
    "last_currency": lambda zone, claimer, stated: others_last(claimer, stated, "currency"),
}
"""By the name of the function that a declaration gives."""


def entries(text: str | None) -> Any:
    """A JSON column; an empty list where it is NULL."""
    return orjson.loads(text) if text else []


def stated(quantity: float) -> Decimal:
    """A quantity as the decimal number that somebody wrote; sums of a few of them are exact."""
    return Decimal(str(quantity))


def latest(stated: list[Entry]) -> Entry | None:
    """What stands: the last dated statement, else the greatest undated one."""
    pool = [said for said in stated if said["time"] is not None] or stated
    return max(pool, key=lambda said: (said["time"] or 0, said["source"], said["id"]), default=None)


def first_time(stated: list[Entry]) -> int | None:
    """The earliest moment among some statements."""
    moments = sorted(said["time"] for said in stated if said["time"] is not None)
    return moments[0] if moments else None


def period_of(day: date, every: str) -> str:
    """The period of a recurrence in which a day falls."""
    quarter = next(
        n for n, months in enumerate(((1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12)), 1) if day.month in months
    )
    return {"month": f"{day:%Y-%m}", "quarter": f"{day:%Y}-Q{quarter}", "year": f"{day:%Y}"}[every]


def local(us: int, zone: str) -> datetime:
    """A moment on the partnership's clock."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(zone))


def midnight_us(day: date, zone: str) -> int:
    """The first moment of a local day."""
    start = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    return round((start - EPOCH) / timedelta(microseconds=1))
