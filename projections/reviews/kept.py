"""The table in which snapshots are kept, so that what was frozen need not be folded from the log at every look.

It follows from the log and can be emptied at any time; a rebuild of the views leaves it alone. A kept snapshot is told
by its digest: one whose digest a review states is what was frozen, whoever computed it and with which program.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text, delete, inspect, select
from sqlalchemy.engine import Connection, RowMapping

from projections.kpi.shapes import AsOf
from projections.reviews.frozen import Known, Shown, Snapshot, cells_bytes
from projections.reviews.shapes import CellName

REVIEW_METADATA = MetaData()

SNAPSHOTS = Table(
    "review_snapshot",
    REVIEW_METADATA,
    Column("plan", Text(), primary_key=True),
    Column("as_of", BigInteger(), primary_key=True),
    Column("moment_us", BigInteger(), primary_key=True),
    Column("cells_sha256", Text(), nullable=False),
    Column("made_by", Text(), nullable=False),
    Column("cells", LargeBinary(), nullable=False),
    Column("beside", LargeBinary(), nullable=False),
)
"""One row a plan and reading. ``cells`` is the canonical JSON of the frozen cells and ``beside`` what a snapshot knows
besides, both compressed (zlib); ``made_by`` tells the version of the views that made it."""


def kept(connection: Connection, plan: str, reading: AsOf, sha256: str, made_by: str) -> Snapshot | None:
    """The kept snapshot of a plan at a reading: one of the digest asked for, or one that these views made (which
    then differs from what is asked for, and would again). None where neither is there or what is there is damaged."""
    if not inspect(connection).has_table(SNAPSHOTS.name):
        return None
    query = select(SNAPSHOTS).where(
        SNAPSHOTS.c.plan == plan, SNAPSHOTS.c.as_of == reading.log_index, SNAPSHOTS.c.moment_us == reading.moment_us
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None or (row["cells_sha256"] != sha256 and row["made_by"] != made_by):
        return None
    found = _snapshot(row)
    return found if found is not None and found.sha256 == row["cells_sha256"] else None


def keep(connection: Connection, snapshot: Snapshot, made_by: str) -> None:
    """Keep a snapshot in place of an earlier one of the same reading. Creates the table where it is missing."""
    REVIEW_METADATA.create_all(connection, checkfirst=True)
    connection.execute(
        delete(SNAPSHOTS).where(
            SNAPSHOTS.c.plan == snapshot.plan,
            SNAPSHOTS.c.as_of == snapshot.as_of,
            SNAPSHOTS.c.moment_us == snapshot.moment_us,
        )
    )
    beside = {
        "shown": [shown.to_json() for shown in snapshot.shown],
        "known": [known.to_json() for known in snapshot.known],
    }
    connection.execute(
        SNAPSHOTS.insert(),
        {
            "plan": snapshot.plan,
            "as_of": snapshot.as_of,
            "moment_us": snapshot.moment_us,
            "cells_sha256": snapshot.sha256,
            "made_by": made_by,
            "cells": zlib.compress(cells_bytes(snapshot.cells.values())),
            "beside": zlib.compress(orjson.dumps(beside)),
        },
    )


def carry_over(kept: Connection, made: Connection) -> None:
    """Keep in another store of views what is kept in one, in place of what that kept: a snapshot of an earlier version
    cannot be folded from the log again by this one."""
    if not inspect(kept).has_table(SNAPSHOTS.name):
        return
    REVIEW_METADATA.create_all(made, checkfirst=True)
    made.execute(delete(SNAPSHOTS))
    for row in kept.execute(select(SNAPSHOTS)).mappings():
        made.execute(SNAPSHOTS.insert(), dict(row))


def _snapshot(row: RowMapping) -> Snapshot | None:
    try:
        cells = orjson.loads(zlib.decompress(row["cells"]))
        beside = orjson.loads(zlib.decompress(row["beside"]))
        return Snapshot(
            row["plan"],
            row["as_of"],
            row["moment_us"],
            _named(cells),
            tuple(Shown(**shown) for shown in beside["shown"]),
            tuple(Known(**known) for known in beside["known"]),
        )
    except (zlib.error, ValueError, KeyError, TypeError):
        return None


def _named(cells: Iterable[Mapping[str, Any]]) -> dict[CellName, Mapping[str, Any]]:
    return {(cell["kpi"], cell["version"], cell["period"], cell["group"]): cell for cell in cells}
