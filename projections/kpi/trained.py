"""Who was trained together: one row for every member of staff an agency sent to a training.

Built from trainings and the partners' sectors, because a training is joint only where agencies of two sectors took
part, and no single row says that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.engine import Connection

from projections.kpi.populations import Row, table_of

UNNAMED: tuple[None, ...] = (None,)
JOINT_SECTORS = 2
"""Agencies of so many sectors make a training joint."""


def trained_staff(connection: Connection) -> list[Row]:
    """The rows, as the read models have them; see ``rows_of``."""
    agencies, trainings = table_of("agencies"), table_of("trainings")
    sectors = {row.agency: row.sector for row in connection.execute(select(agencies.c.agency, agencies.c.sector))}
    return rows_of((dict(row) for row in connection.execute(select(trainings)).mappings()), sectors)


def rows_of(trainings: Iterable[Mapping[str, Any]], sectors: Mapping[str, str | None]) -> list[Row]:
    """A row for every member of staff named by the organiser; an agency whose staff it only counted has one row
    without a name, which counts nobody.

    ``sectors`` is how many sectors the agencies that attended belong to, ``joint`` whether that is at least two; an
    agency whose sector is not known belongs to none.
    """
    found: list[Row] = []
    for training in trainings:
        if not training["held"]:
            continue
        counted: dict[str, int] = orjson.loads(training["attendees_by_agency"] or "{}")
        named: dict[str, list[str]] = orjson.loads(training["staff_by_agency"] or "{}")
        attended = sorted({agency for agency, n in counted.items() if n} | {a for a, staff in named.items() if staff})
        together = {sector for agency in attended if (sector := sectors.get(agency)) is not None}
        for agency in attended:
            found += [
                {
                    "key": f"{training['training']}#{agency}#{staff or ''}",
                    "training": training["training"],
                    "agency": agency,
                    "staff": staff,
                    "kind": training["kind"],
                    "course": training["course"],
                    "held_at": training["held_at"],
                    "month": training["month"],
                    "sectors": len(together),
                    "joint": int(len(together) >= JOINT_SECTORS),
                }
                for staff in (sorted(set(named.get(agency, ()))) or UNNAMED)
            ]
    return found
